-- FindFeatureFaults: says why no features of this kind can be made in this database, or gives an empty text.
-- Called by CheckFeatureArguments and FindWorkFault.
CREATE OR ALTER PROCEDURE internal.FindFeatureFaults
    @Layer NVARCHAR(256),           -- one or more names, each once, with commas and no spaces
    @Preprocessing NVARCHAR(32),    -- one of dbo.preprocessings, or NULL for the network's own
    @Pooling NVARCHAR(128),         -- one or more of dbo.poolings, with commas and no spaces, or NULL for the layer's own
    @Message NVARCHAR(2000) OUTPUT  -- why
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Message = N'';
    IF EXISTS (SELECT 1 FROM STRING_SPLIT(@Layer, N',') GROUP BY value HAVING COUNT(*) > 1 OR value = N'')
        SET @Message = CONCAT(@Message, N'The value ''', @Layer,
            N''' for the parameter @Layer is not supported. Give one or more names of layers, each once, with commas between. ');
    IF @Preprocessing IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dbo.preprocessings WHERE name = @Preprocessing)
        SET @Message = CONCAT(@Message, N'The value ''', @Preprocessing,
            N''' for the parameter @Preprocessing is not supported. Supported values are ', LEFT((
                SELECT STRING_AGG(CAST(name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY created_at, name)
                FROM dbo.preprocessings), 500),
            N'; StorePreprocessing makes others. ');
    IF EXISTS (
            SELECT 1 FROM STRING_SPLIT(@Pooling, N',')
            WHERE value = N'combined' OR value NOT IN (SELECT pooling FROM dbo.poolings))
        OR EXISTS (SELECT 1 FROM STRING_SPLIT(@Pooling, N',') GROUP BY value HAVING COUNT(*) > 1)
        SET @Message = CONCAT(@Message, N'The value ''', @Pooling,
            N''' for the parameter @Pooling is not supported. Supported values are mean, max, mean_max_std, pca1', COALESCE((
                SELECT N', thirds' + STRING_AGG(CAST(N' and ' AS NVARCHAR(MAX)) + name, N'')
                FROM dbo.extensions WHERE kind = 'pooling'), N' and thirds'),
            N', each once, with commas between. ');
END;
