-- StoreAccount: adds an account, or changes what is given of one; a new password and disabling end its sessions and sign-in links.
-- `lungdb accounts` calls it.
-- Example: EXECUTE dbo.StoreAccount @Name = N'ana', @IsEnabled = 0;
CREATE OR ALTER PROCEDURE dbo.StoreAccount
    @Name NVARCHAR(128) = NULL,         -- name of the account; needed
    @IsNew BIT = 0,                     -- 1 adds the account, 0 changes it
    @PasswordHash NVARCHAR(200) = NULL, -- argon2id hash of the password; NULL leaves it
    @Role VARCHAR(15) = NULL,           -- reader, scorer or administrator; NULL leaves it, or reader for a new account
    @SeesTruth BIT = NULL,              -- whether the account may see labels; NULL leaves it, or 0 for a new account
    @LoadsScans BIT = NULL,             -- whether the account may load DICOM files; NULL leaves it, or 0 for a new account
    @IsEnabled BIT = NULL,              -- whether the account may be used; NULL leaves it, or 1 for a new account
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreAccount: adds an account, or changes what is given of one; a new password and disabling end its sessions and
sign-in links. `lungdb accounts` calls it.
Parameters:
    @Name NVARCHAR(128) = NULL          name of the account; needed
    @IsNew BIT = 0                      1 adds the account, 0 changes it
    @PasswordHash NVARCHAR(200) = NULL  argon2id hash of the password; NULL leaves it
    @Role VARCHAR(15) = NULL            reader, scorer or administrator; NULL leaves it, or reader for a new account
    @SeesTruth BIT = NULL               whether the account may see labels; NULL leaves it, or 0 for a new account
    @LoadsScans BIT = NULL              whether the account may load DICOM files; NULL leaves it, or 0 for a new account
    @IsEnabled BIT = NULL               whether the account may be used; NULL leaves it, or 1 for a new account
    @Help BIT = 0                       1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreAccount @Name = N''ana'', @IsEnabled = 0;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @AccountId INT;
    IF @Name IS NULL OR @Name = N'' OR DATALENGTH(@Name) <> DATALENGTH(LTRIM(RTRIM(@Name)))
    BEGIN
        SET @Message = CONCAT(N'The value for the parameter @Name is not supported. ',
            N'Give a name of 1 to 128 characters that neither begins nor ends with a blank.');
        THROW 50101, @Message, 1;
    END;
    IF @Role NOT IN ('reader', 'scorer', 'administrator')
    BEGIN
        SET @Message = CONCAT(N'The value ''', REPLACE(@Role, '%', '%%'),
            N''' for the parameter @Role is not supported. Supported values are reader, scorer and administrator.');
        THROW 50101, @Message, 1;
    END;

    BEGIN TRANSACTION;
    SET @AccountId = (SELECT a.account_id FROM dbo.accounts AS a WITH (UPDLOCK, HOLDLOCK) WHERE a.name = @Name);
    IF @IsNew = 1 AND @AccountId IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'There is an account ''', REPLACE(@Name, N'%', N'%%'),
            N''' already. Choose another name, or change that account.');
        THROW 50221, @Message, 1;
    END;
    IF @IsNew = 0 AND @AccountId IS NULL
    BEGIN
        SET @Message = CONCAT(N'There is no account ''', REPLACE(@Name, N'%', N'%%'), N'''. See the names with: lungdb accounts list');
        THROW 50220, @Message, 1;
    END;
    IF @IsNew = 1
        INSERT INTO dbo.accounts (name, password_hash, role, sees_truth, loads_scans, is_enabled)
        VALUES (@Name, @PasswordHash, COALESCE(@Role, 'reader'), COALESCE(@SeesTruth, 0), COALESCE(@LoadsScans, 0),
            COALESCE(@IsEnabled, 1));
    ELSE
        UPDATE dbo.accounts
        SET password_hash = COALESCE(@PasswordHash, password_hash),
            role = COALESCE(@Role, role),
            sees_truth = COALESCE(@SeesTruth, sees_truth),
            loads_scans = COALESCE(@LoadsScans, loads_scans),
            is_enabled = COALESCE(@IsEnabled, is_enabled)
        WHERE account_id = @AccountId;
    IF @PasswordHash IS NOT NULL OR @IsEnabled = 0
    BEGIN
        DELETE FROM dbo.sessions WHERE account_id = @AccountId;
        DELETE FROM dbo.sign_in_links WHERE account_id = @AccountId;
    END;
    COMMIT TRANSACTION;
END;
