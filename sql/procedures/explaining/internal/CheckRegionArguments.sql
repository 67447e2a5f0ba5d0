-- CheckRegionArguments: refuses what ExplainRegions cannot work with, all wrong arguments in one error.
-- Called by ExplainRegions.
CREATE OR ALTER PROCEDURE internal.CheckRegionArguments
    @TopSlices INT,        -- 1 and up
    @Slices NVARCHAR(MAX), -- whole numbers from 0 with commas, or NULL
    @Grid INT,             -- 2 to 64, or NULL
    @Method VARCHAR(16)    -- occlusion, gradcam or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = N'ExplainRegions was called inside a transaction. It runs a network: commit or roll back first, then call it again.';
        THROW 50100, @Message, 1;
    END;
    IF @Slices IS NULL AND (@TopSlices IS NULL OR @TopSlices < 1)
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@TopSlices AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @TopSlices is not supported. Give 1 or more, or @Slices. ');
    IF EXISTS (SELECT 1 FROM STRING_SPLIT(@Slices, N',') WHERE COALESCE(TRY_CAST(LTRIM(RTRIM(value)) AS INT), -1) < 0
            OR LTRIM(RTRIM(value)) = N'')
        SET @Message = CONCAT(@Message, N'The value ''', LEFT(@Slices, 200),
            N''' for the parameter @Slices is not supported. Give indices of slices, whole numbers from 0, with commas. ');
    IF @Grid NOT BETWEEN 2 AND 64
        SET @Message = CONCAT(@Message, N'The value ', @Grid,
            N' for the parameter @Grid is not supported. Supported values are 2 to 64. ');
    IF @Method NOT IN ('occlusion', 'gradcam')
        SET @Message = CONCAT(@Message, N'The value ''', @Method,
            N''' for the parameter @Method is not supported. Supported values are occlusion, gradcam and NULL. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
