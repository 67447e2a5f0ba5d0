-- StoreIdentity: notes in dbo.settings how a database's patients are named, before the first of them is loaded.
-- Example: EXECUTE dbo.StoreIdentity @Mode = N'kept';
CREATE OR ALTER PROCEDURE dbo.StoreIdentity
    @Mode NVARCHAR(10) = NULL,      -- keyed: ids are replaced by keyed hashes; kept: they are stored as they are; needed
    @KeyCheck NVARCHAR(64) = NULL,  -- of a site's id_key, 16 hexadecimal digits; needed with keyed, and no other has one
    @Help BIT = 0                   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreIdentity writes the settings id_mode and id_key_check, and no other: so whoever loads needs no right to change
settings. Once the database holds patients both stay as they are. The commands of lungdb that load scans and pictures call it.
Parameters:
    @Mode NVARCHAR(10) = NULL      keyed: ids are replaced by keyed hashes; kept: they are stored as they are; needed
    @KeyCheck NVARCHAR(64) = NULL  of a site''s id_key, 16 hexadecimal digits; needed with keyed, and no other has one
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreIdentity @Mode = N''kept'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Patients INT;
    IF @Mode IS NULL OR @Mode NOT IN (N'keyed', N'kept')
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + @Mode + N'''', N'NULL'), N' for the parameter @Mode is not supported. ',
            N'Supported are keyed and kept. ');
    ELSE IF @Mode = N'kept' AND @KeyCheck IS NOT NULL
        SET @Message = N'The parameter @KeyCheck goes with the mode keyed alone. Leave it out. ';
    ELSE IF @Mode = N'keyed' AND (@KeyCheck IS NULL OR DATALENGTH(@KeyCheck) <> 32 OR @KeyCheck LIKE N'%[^0-9a-f]%')
        SET @Message = N'The parameter @KeyCheck is not the check value of a key. Give 16 hexadecimal digits. ';
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;

    BEGIN TRANSACTION;
    SET @Patients = (SELECT COUNT(*) FROM dbo.settings AS s WITH (UPDLOCK, HOLDLOCK) WHERE s.name IN (N'id_mode', N'id_key_check'));
    SET @Patients = (SELECT COUNT(*) FROM dbo.patients AS p) + (SELECT COUNT(*) FROM dbo.images AS i WHERE i.patient_id IS NOT NULL);
    IF @Patients > 0
    BEGIN
        ROLLBACK TRANSACTION;
        THROW 50434, N'The database holds patients, so how they are named cannot be changed any more. Use another database.', 1;
    END;
    DELETE FROM dbo.settings WHERE name IN (N'id_mode', N'id_key_check');
    INSERT INTO dbo.settings (name, value) VALUES (N'id_mode', LOWER(@Mode)), (N'id_key_check', @KeyCheck);
    COMMIT TRANSACTION;
END;
