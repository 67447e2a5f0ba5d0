-- CompareSchema: which of the columns, constraints and indexes in #columns and #members the database lacks or has otherwise, and what
-- would mend it. The installers and `lungdb check` run the same statements as a batch of their own.
-- Called by ExamineSchema, whose tables #columns and #members it reads and whose table #faults it fills.
CREATE OR ALTER PROCEDURE internal.CompareSchema
AS
BEGIN
    SET NOCOUNT ON;

    -- A column that is NOT NULL without a default comes as NULL: a migration fills it, then it is changed. A text longer than declared
    -- stays.
    DELETE FROM #faults;
    INSERT INTO #faults (is_new_column, what, fault)
    SELECT 0, CONCAT(N'table dbo.', d.table_name), N'is missing'
    FROM (SELECT DISTINCT c.table_name FROM #columns AS c) AS d
    WHERE OBJECT_ID(CONCAT(N'dbo.', d.table_name), N'U') IS NULL;
    INSERT INTO #faults (is_new_column, what, fault, made_by)
    SELECT CASE WHEN f.fault = N'is missing' THEN 1 ELSE 0 END, CONCAT(N'column ', f.name, N' of dbo.', f.table_name), f.fault,
        CASE
            WHEN f.fault = N'is missing' AND f.is_identity = 0
                THEN CONCAT(N'ALTER TABLE dbo.', f.table_name, N' ADD ', f.name, N' ', f.full_type,
                    CASE WHEN f.is_nullable = 0 AND f.default_as IS NOT NULL THEN N' NOT NULL ' ELSE N' NULL ' END, f.default_as, N';')
            WHEN f.fault IN (N'allows NULL', N'does not allow NULL', N'is too short')
                THEN CONCAT(N'ALTER TABLE dbo.', f.table_name, N' ALTER COLUMN ', f.name, N' ', f.full_type,
                    CASE WHEN f.is_nullable = 0 THEN N' NOT NULL;' ELSE N' NULL;' END)
        END
    FROM (
        SELECT d.table_name, d.name, d.full_type, d.default_as, d.is_nullable, d.is_identity,
            CASE
                WHEN c.name IS NULL THEN N'is missing'
                WHEN y.name <> d.type OR c.scale <> d.scale OR c.[precision] <> d.digits
                    THEN CONCAT(N'is ', y.name, N', not ', d.full_type)
                WHEN c.is_identity <> d.is_identity THEN N'differs in IDENTITY'
                WHEN c.max_length <> -1 AND (d.length = -1 OR d.length > c.max_length) THEN N'is too short'
                WHEN c.is_nullable > d.is_nullable THEN N'allows NULL'
                WHEN c.is_nullable < d.is_nullable THEN N'does not allow NULL'
            END AS fault
        FROM #columns AS d
        INNER JOIN sys.tables AS t ON t.name = d.table_name AND t.schema_id = SCHEMA_ID(N'dbo')
        LEFT JOIN sys.columns AS c ON c.object_id = t.object_id AND c.name = d.name
        LEFT JOIN sys.types AS y ON y.user_type_id = c.user_type_id
    ) AS f
    WHERE f.fault IS NOT NULL
    ORDER BY f.table_name, f.name;
    INSERT INTO #faults (is_new_column, what, fault, made_by)
    SELECT 0, CONCAT(m.kind, N' ', m.name, N' of dbo.', m.table_name), N'is missing', m.made_by
    FROM (
        SELECT e.position, e.table_name, e.kind, e.name, e.made_by, OBJECT_ID(CONCAT(N'dbo.', e.table_name), N'U') AS object_id
        FROM #members AS e
    ) AS m
    LEFT JOIN (
        SELECT i.object_id, i.name FROM sys.indexes AS i
        UNION ALL SELECT f.parent_object_id, f.name FROM sys.foreign_keys AS f
        UNION ALL SELECT k.parent_object_id, k.name FROM sys.check_constraints AS k
        UNION ALL SELECT d.parent_object_id, d.name FROM sys.default_constraints AS d
    ) AS h ON h.object_id = m.object_id AND h.name = m.name
    WHERE m.object_id IS NOT NULL AND h.name IS NULL
    ORDER BY m.position;
END;
