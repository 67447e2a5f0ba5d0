-- DeleteDataset: deletes a data set of scans or pictures, or one version of it; the scans and pictures stay.
-- Example: EXECUTE dbo.DeleteDataset @Name = N'thin';
CREATE OR ALTER PROCEDURE dbo.DeleteDataset
    @Name NVARCHAR(128) = NULL, -- name of the data set; needed
    @Version INT = NULL,        -- its version; NULL means all of them
    @Help BIT = 0               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.DeleteDataset deletes a data set of scans or pictures, or one version of it. The scans and pictures stay.
It refuses while a training, an evaluation or a search that is not finished refers to it. With its last version the name is free again.
Parameters:
    @Name NVARCHAR(128) = NULL  name of the data set; needed
    @Version INT = NULL         its version; NULL means all of them
    @Help BIT = 0               1 prints this help and does nothing else
Example:
    EXECUTE dbo.DeleteDataset @Name = N''thin'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @DatasetVersionId INT, @DatasetId INT, @Kind VARCHAR(8), @Users INT, @Evaluations INT, @Searches INT,
        @Numbers NVARCHAR(200);
    SELECT @DatasetId = dataset_id, @Kind = kind FROM dbo.datasets WHERE name = @Name;
    IF @Kind = 'examples'
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The data set ''', @Name, N''' is one of examples. Delete its rows in dbo.examples and ',
            N'dbo.example_labels, and then that in dbo.datasets.'), N'%', N'%%');
        THROW 50273, @Message, 1;
    END;
    SET @Kind = COALESCE(@Kind, 'scans');
    EXECUTE internal.FindDataset @Name, @Version, @DatasetVersionId OUTPUT, @Kind;
    CREATE TABLE #doomed (dataset_version_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #doomed (dataset_version_id)
    SELECT dataset_version_id FROM dbo.dataset_versions WHERE dataset_id = @DatasetId AND (@Version IS NULL OR version = @Version);

    BEGIN TRANSACTION;
    SELECT @Users = COUNT(*)
    FROM (
        SELECT dataset_version_id FROM dbo.experiments WITH (UPDLOCK, HOLDLOCK)
        UNION ALL
        SELECT dataset_version_id FROM dbo.image_classifiers WITH (UPDLOCK, HOLDLOCK)) AS t
    WHERE t.dataset_version_id IN (SELECT dataset_version_id FROM #doomed);
    SELECT @Evaluations = COUNT(*)
    FROM (
        SELECT dataset_version_id FROM dbo.evaluations WITH (UPDLOCK, HOLDLOCK)
        UNION ALL
        SELECT dataset_version_id FROM dbo.nodule_evaluations WITH (UPDLOCK, HOLDLOCK)
        UNION ALL
        SELECT dataset_version_id FROM dbo.drift_checks WITH (UPDLOCK, HOLDLOCK)) AS e
    WHERE e.dataset_version_id IN (SELECT dataset_version_id FROM #doomed);
    SELECT @Searches = COUNT(*), @Numbers = LEFT(STRING_AGG(CAST(search_id AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY search_id), 200)
    FROM dbo.searches WITH (UPDLOCK, HOLDLOCK)
    WHERE state IN ('running', 'training') AND dataset_version_id IN (SELECT dataset_version_id FROM #doomed);
    IF @Users > 0 OR @Evaluations > 0 OR @Searches > 0
    BEGIN
        SET @Message = REPLACE(CONCAT(@Users, N' trainings, ', @Evaluations, N' evaluations or drift checks and ', @Searches,
            N' searches that are not finished', N' (' + @Numbers + N')', N' refer to the data set ''', @Name,
            N'''. Keep it, or delete their models with DeleteModel and end the searches with EXECUTE dbo.EndSearch @SearchId = … first; ',
            N'see dbo.experiments, dbo.evaluations, dbo.nodule_evaluations and dbo.searches.'), N'%', N'%%');
        THROW 50275, @Message, 1;
    END;
    DELETE FROM dbo.dataset_members WHERE dataset_version_id IN (SELECT dataset_version_id FROM #doomed);
    DELETE FROM dbo.dataset_versions WHERE dataset_version_id IN (SELECT dataset_version_id FROM #doomed);
    DELETE d
    FROM dbo.datasets AS d
    WHERE d.dataset_id = @DatasetId
        AND NOT EXISTS (SELECT 1 FROM dbo.dataset_versions AS v WITH (UPDLOCK, HOLDLOCK) WHERE v.dataset_id = d.dataset_id);
    COMMIT TRANSACTION;
END;
