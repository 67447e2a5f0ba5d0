-- RegisterExamples: makes a name that of a data set of examples; refuses one that another data set has.
-- Called by ScaleDataset and StoreNetwork.
CREATE OR ALTER PROCEDURE internal.RegisterExamples
    @Dataset NVARCHAR(128), -- name of the data set
    @Replace BIT            -- 1 where examples of the name may be there already
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Kind VARCHAR(8);
    SET @Kind = (SELECT kind FROM dbo.datasets WITH (UPDLOCK, HOLDLOCK) WHERE name = @Dataset);
    IF @Kind <> 'examples'
        SELECT @Number = 50273, @Message = CONCAT(N'The name ''', @Dataset, N''' is that of a data set of ', @Kind,
            N'. Take another name for the examples; see dbo.datasets.');
    ELSE IF @Replace = 0 AND (@Kind IS NOT NULL OR EXISTS (SELECT 1 FROM dbo.examples WHERE dataset = @Dataset))
        SELECT @Number = 50303, @Message = CONCAT(N'There is a data set of examples ''', @Dataset,
            N''' already. Take another name, or replace it with @Replace = 1.');
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
    INSERT INTO dbo.datasets (name, kind)
    SELECT @Dataset, 'examples'
    WHERE @Kind IS NULL;
END;
