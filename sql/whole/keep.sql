-- Keeps for dbo.Doctor what the files of tables/ declare. The batch after this one adds views, procedures and versions.
BEGIN TRANSACTION;
DELETE FROM dbo.declared_columns;
DELETE FROM dbo.declared_members;
INSERT INTO dbo.declared_columns (table_name, name, type, length, digits, scale, is_nullable, is_identity, full_type, default_as)
SELECT c.table_name, c.name, c.type, c.length, c.digits, c.scale, c.is_nullable, c.is_identity, c.full_type, c.default_as
FROM #columns AS c;
INSERT INTO dbo.declared_members (position, table_name, kind, name, made_by)
SELECT m.position, m.table_name, m.kind, m.name, m.made_by
FROM #members AS m;
COMMIT TRANSACTION;
