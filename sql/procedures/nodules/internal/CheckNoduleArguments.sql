-- CheckNoduleArguments: refuses what EvaluateNodules cannot work with, all wrong arguments in one error.
-- Called by EvaluateNodules.
CREATE OR ALTER PROCEDURE internal.CheckNoduleArguments
    @LeastReaders INT,            -- 1 to 255
    @LeastDiameter FLOAT,         -- 0 to 1000
    @MostPerScan INT,             -- 1 and up, or NULL
    @Seed INT,                    -- 0 to 2147483647
    @ModelName NVARCHAR(128),     -- name of a network
    @Preprocessing NVARCHAR(32),  -- name of a preprocessing
    @Dataset NVARCHAR(128)        -- name of a data set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'EvaluateNodules was called inside a transaction. ',
            N'Measuring would hold its locks: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@ModelName', CAST(NULL AS NVARCHAR(30)), N'names of detectors in dbo.networks', IIF(@ModelName IS NULL, 0, 1)),
            (N'@Preprocessing', NULL, N'names in dbo.preprocessings', IIF(@Preprocessing IS NULL, 0, 1)),
            (N'@Dataset', NULL, N'names in dbo.dataset_list', IIF(@Dataset IS NULL, 0, 1)),
            (N'@LeastReaders', CAST(@LeastReaders AS NVARCHAR(30)), N'1 to 255', IIF(@LeastReaders BETWEEN 1 AND 255, 1, 0)),
            (N'@LeastDiameter', CAST(@LeastDiameter AS NVARCHAR(30)), N'0 to 1000', IIF(@LeastDiameter BETWEEN 0 AND 1000, 1, 0)),
            (N'@MostPerScan', CAST(@MostPerScan AS NVARCHAR(30)), N'NULL and 1 and up', IIF(@MostPerScan < 1, 0, 1)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
END;
