-- ListPackages: gives the packages that poolings were registered from, for scripts that compare them with what is installed.
-- Called by CheckFeatureArguments, TrainImageClassifier, PredictImages and SimilarToSlices.
CREATE OR ALTER PROCEDURE internal.ListPackages
    @Packages NVARCHAR(MAX) OUTPUT -- JSON: name of a pooling, and package with its version
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Packages = (
        SELECT CONCAT(N'{', STRING_AGG(CAST(CONCAT(N'"', STRING_ESCAPE(name, 'json'), N'": "', STRING_ESCAPE(package, 'json'), N'"')
            AS NVARCHAR(MAX)), N', '), N'}')
        FROM dbo.extensions
        WHERE kind = 'pooling');
END;
