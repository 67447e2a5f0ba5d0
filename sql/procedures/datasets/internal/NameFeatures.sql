-- NameFeatures: tells how many numbers a vector of a feature set and pooling has, and of a combined set what they are.
-- Called by TrainModel, CreateEnsemble, RepeatExperiment and RunSearch.
CREATE OR ALTER PROCEDURE internal.NameFeatures
    @FeatureSetId INT,          -- feature set
    @Pooling NVARCHAR(32),      -- pooling
    @Width INT OUTPUT,          -- numbers of a vector
    @Names NVARCHAR(MAX) OUTPUT -- JSON array of [name, number of values] for each part of a combined set, else NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Width = (
        SELECT IIF(@Pooling = N'top5', 5, f.width * k.times)
        FROM dbo.feature_sets AS f
        INNER JOIN dbo.poolings AS k ON k.pooling = @Pooling
        WHERE f.feature_set_id = @FeatureSetId);
    SET @Names = (
        SELECT N'[' + STRING_AGG(CONCAT(CAST(N'["' AS NVARCHAR(MAX)), STRING_ESCAPE(COALESCE(p.column_name, CONCAT(n.name, N'/', f.layer,
            N'/', f.preprocessing, N'/', p.pooling)), 'json'), N'", ', p.width, N']'), N', ') WITHIN GROUP (ORDER BY p.position) + N']'
        FROM dbo.feature_parts AS p
        LEFT JOIN dbo.feature_sets AS f ON f.feature_set_id = p.part_feature_set_id
        LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
        WHERE p.feature_set_id = @FeatureSetId);
END;
