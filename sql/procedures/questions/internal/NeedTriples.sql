-- NeedTriples: refuses a feature set whose rows are no triples of slices: of a network that reads volumes or single slices.
-- Called by FindSliceFeatures, SimilarSlices and SimilarToSlices.
CREATE OR ALTER PROCEDURE internal.NeedTriples
    @FeatureSetId INT -- the feature set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = (
        SELECT CONCAT(N'The feature set ', @FeatureSetId, N' is of the network ''', n.name, N''', whose rows are ',
            IIF(JSON_VALUE(n.details, N'$.input.dimensions') = N'3', N'tiles of volumes', N'single slices'),
            N', and this works with rows that are triples of slices. Name a model or a feature set of a network of pictures of three ',
            N'channels.')
        FROM dbo.feature_sets AS s
        INNER JOIN dbo.networks AS n ON n.network_id = s.network_id
        WHERE s.feature_set_id = @FeatureSetId
            AND (JSON_VALUE(n.details, N'$.input.dimensions') = N'3' OR JSON_VALUE(n.details, N'$.input.channels') = N'1'));
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50104, @Message, 1;
    END;
END;
