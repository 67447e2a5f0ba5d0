-- Names the procedures whose signature is missing, which installing takes away: a message, no error. The embedded engine enforces
-- no rights, so there it is said only where procedures were signed.
DECLARE @Unsigned NVARCHAR(MAX), @Message NVARCHAR(2047);
SET @Unsigned = (
    SELECT STRING_AGG(CAST(s.name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY s.name)
    FROM (VALUES
        (N'every signed procedure')) AS s (name)
    WHERE OBJECT_ID(s.name) IS NOT NULL AND NOT EXISTS (
        SELECT 1
        FROM sys.crypt_properties AS c
        INNER JOIN sys.certificates AS k ON k.thumbprint = c.thumbprint
        WHERE c.class = 1 AND c.major_id = OBJECT_ID(s.name) AND k.name = N'lungdb_scripts'));
IF @Unsigned IS NOT NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS INT) <> 0
    OR EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'lungdb_scripts'))
BEGIN
    SET @Message = CONCAT(N'Unsigned, so that only who may run any external script can call them: ', LEFT(@Unsigned, 1700),
        N'. An owner of the database runs sql/roles/sign.sql, or lungdb install, which signs them.');
    RAISERROR(N'%s', 0, 1, @Message);
END;
