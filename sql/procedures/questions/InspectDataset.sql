-- InspectDataset: what is in a data set, and what is wrong with it: copies, outliers, missing values, mixes, leaks.
-- Example: EXECUTE dbo.InspectDataset @Dataset = N'thin slices';
CREATE OR ALTER PROCEDURE dbo.InspectDataset
    @Dataset NVARCHAR(128) = NULL,              -- data set of scans, see CreateDataset; NULL means all scans
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Against NVARCHAR(128) = NULL,              -- another one, as to test on: its scans are the second part; NULL takes dbo.splits
    @Features NVARCHAR(MAX) = NULL,             -- features with semicolons between, none, or NULL for those of @ModelName
    @Pooling NVARCHAR(32) = NULL,               -- pooling where several would do
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- model whose features are inspected where @Features is NULL
    @Columns NVARCHAR(MAX) = NULL,              -- columns of numbers to inspect beside those known of a scan, with commas between
    @ColumnsFrom NVARCHAR(257) = NULL,          -- view or table of those columns, with a column scan_id; NULL means dbo.scan_columns
    @Task NVARCHAR(32) = N'classification',     -- classification, or regression: labels are numbers of dbo.numeric_labels
    @Horizon INT = NULL,                        -- labels within so many days; NULL means those of patients
    @Alpha FLOAT = 0.01,                        -- share of clean data sets that raise an alarm or name an outlier at most
    @Top INT = 20,                              -- copies, outliers and features to list, of each so many, 1 to 100000
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.InspectDataset says what is in a data set of scans and what may be wrong with it, as three result sets.
Findings: scans and slices that two patients share by hash, near-duplicates and outliers by features, missing values, patients in two
parts, and columns that tell the label or the part. An alarm goes by size: the whole interval of an AUC above 0.65, or of Cramér''s V
or Spearman''s correlation above 0.3, where intervals hold for all columns together. Mix: scanners, kernels and spacings by part and
label. Features: those that go most with the label, with q values by Benjamini and Hochberg. Of more than two classes each is compared
with all others.
Labels of patients held out for testing are not read, so that this is no look at them. docs/questions.md has the rules.
Parameters:
    @Dataset NVARCHAR(128) = NULL               data set of scans, see CreateDataset; NULL means all scans
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Against NVARCHAR(128) = NULL               another one, as to test on: its scans are the second part; NULL takes dbo.splits
    @Features NVARCHAR(MAX) = NULL              features with semicolons between, none, or NULL for those of @ModelName
    @Pooling NVARCHAR(32) = NULL                pooling where several would do
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  model whose features are inspected where @Features is NULL
    @Columns NVARCHAR(MAX) = NULL               columns of numbers to inspect beside those known of a scan, with commas between
    @ColumnsFrom NVARCHAR(257) = NULL           view or table of those columns, with a column scan_id; NULL means dbo.scan_columns
    @Task NVARCHAR(32) = N''classification''      classification, or regression: labels are numbers of dbo.numeric_labels
    @Horizon INT = NULL                         labels within so many days; NULL means those of patients
    @Alpha FLOAT = 0.01                         share of clean data sets that raise an alarm or name an outlier at most
    @Top INT = 20                               copies, outliers and features to list, of each so many, 1 to 100000
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.InspectDataset @Dataset = N''thin slices'';
    EXECUTE dbo.InspectDataset @Dataset = N''to learn from'', @Against = N''to test on'', @Features = N''mean; max'';';
        RETURN 0;
    END;

    DECLARE @DatasetVersionId INT, @AgainstVersionId INT, @FeatureSetId INT, @IsAgainst BIT = IIF(@Against IS NULL, 0, 1);
    CREATE TABLE #inspected (
        place INT IDENTITY(0, 1) NOT NULL PRIMARY KEY, scan_id INT NOT NULL UNIQUE,
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, patient INT NULL, is_primary BIT NOT NULL, stands INT NULL,
        content_sha256 VARBINARY(32) NOT NULL, in_set INT NOT NULL, in_other INT NOT NULL, part INT NOT NULL, label FLOAT NULL,
        is_labelled INT NOT NULL, held_out INT NULL);
    CREATE TABLE #findings (
        finding NVARCHAR(60) COLLATE DATABASE_DEFAULT NOT NULL, severity INT NOT NULL, position INT NULL, place INT NULL, other INT NULL,
        value FLOAT NULL, low FLOAT NULL, high FLOAT NULL, alarm_limit FLOAT NULL, p_value FLOAT NULL, q_value FLOAT NULL,
        of_class INT NULL);
    CREATE TABLE #meanings (
        place INT IDENTITY(1, 1) NOT NULL, code NVARCHAR(60) COLLATE DATABASE_DEFAULT NOT NULL,
        finding NVARCHAR(100) COLLATE DATABASE_DEFAULT NOT NULL,
        about NVARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, measure NVARCHAR(60) COLLATE DATABASE_DEFAULT NULL,
        what_to_do NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL, if_weak NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #columns (position INT NOT NULL PRIMARY KEY, name NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL, is_text INT NOT NULL);
    CREATE TABLE #cells (
        place INT NOT NULL, position INT NOT NULL, x FLOAT NULL, t NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL,
        PRIMARY KEY (place, position));
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #space (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #named (first_index INT NOT NULL, width INT NOT NULL, name NVARCHAR(700) COLLATE DATABASE_DEFAULT NOT NULL);

    EXECUTE internal.CheckInspectArguments @Dataset, @DatasetVersion, @Against, @Columns, @ColumnsFrom, @Task, @Horizon, @Alpha,
        @Top;
    IF @Dataset IS NOT NULL
        EXECUTE internal.FindDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    IF @Against IS NOT NULL
        EXECUTE internal.FindDataset @Against, NULL, @AgainstVersionId OUTPUT;
    SET @Task = LOWER(@Task);
    EXECUTE internal.ExplainFindings;
    EXECUTE internal.TakeInspected @DatasetVersionId, @AgainstVersionId;
    INSERT INTO #wanted (scan_id)
    SELECT scan_id FROM #inspected;
    IF @Features IS NULL AND @Pooling IS NULL AND EXISTS (SELECT 1 FROM dbo.pooled_features)
    BEGIN
        EXECUTE internal.FindFeatureSet @ModelName, NULL, NULL, NULL, @Pooling OUTPUT, @FeatureSetId OUTPUT, 1;
        IF @FeatureSetId IS NULL
            RAISERROR(N'Features are not inspected: several could be meant. Name some with @Features; see dbo.pooled_sets.', 0, 1)
                WITH NOWAIT;
    END;
    IF LOWER(COALESCE(@Features, N'')) <> N'none' AND COALESCE(@Features, @Pooling) IS NOT NULL
        EXECUTE internal.TakeSpace @ModelName, @Features, @Pooling, @FeatureSetId;
    EXECUTE internal.TakeCells @Columns, @ColumnsFrom;
    EXECUTE internal.TakeTruth @Task, @Horizon, @IsAgainst;
    EXECUTE internal.FindCopies @IsAgainst, @Top;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.dataset', @Dataset),
        N'$.against', @Against), N'$.task', @Task), N'$.horizon', @Horizon);
    EXECUTE internal.StartRun N'InspectDataset', @RunId OUTPUT, @Arguments;
    IF EXISTS (SELECT 1 FROM #inspected)
        EXECUTE internal.MeasureInspected @Task, @Alpha, @Top, @RunId;
    DECLARE @Scans INT = (SELECT COUNT(*) FROM #inspected);
    EXECUTE internal.EndRun @RunId, @Scans = @Scans;

    SELECT m.finding, CASE f.severity WHEN 2 THEN N'alarm' WHEN 1 THEN N'warning' ELSE N'notice' END AS severity,
        CASE m.about WHEN N'column' THEN c.name WHEN N'set' THEN COALESCE(@Dataset, N'all scans')
            WHEN N'feature' THEN CONCAT(n.name, N' ' + CAST(IIF(n.width > 1, f.position - n.first_index, NULL) AS NVARCHAR(12)))
            ELSE CONCAT(N'scan ', a.scan_id, N' and scan ' + CAST(b.scan_id AS NVARCHAR(12))) END AS subject,
        a.scan_id, b.scan_id AS other_scan_id,
        NULLIF(CONCAT(m.measure, N' of class ' + CAST(f.of_class AS NVARCHAR(12)) + N' against the others'), N'') AS measure, f.value,
        f.low, f.high, f.alarm_limit, IIF(f.severity = 0, COALESCE(m.if_weak, m.what_to_do), m.what_to_do) AS what_to_do
    FROM #findings AS f
    INNER JOIN #meanings AS m ON m.code = f.finding
    LEFT JOIN #columns AS c ON m.about = N'column' AND c.position = f.position
    LEFT JOIN #named AS n ON m.about = N'feature' AND f.position >= n.first_index AND f.position < n.first_index + n.width
    LEFT JOIN #inspected AS a ON a.place = f.place
    LEFT JOIN #inspected AS b ON b.place = f.other
    WHERE f.finding NOT IN (N'feature', N'ranked feature')
    ORDER BY f.severity DESC, m.place, f.place, f.position;
    SELECT x.column_name, x.value, i.part_name AS part, i.label_name AS label,
        COUNT(DISTINCT i.patient) AS patients, COUNT(*) AS scans
    FROM (
        SELECT place, patient, CASE WHEN part = -1 THEN N'both' WHEN @IsAgainst = 1 THEN IIF(part = 0, @Dataset, @Against)
                ELSE IIF(part = 0, N'train', N'test') END AS part_name,
            CASE WHEN held_out = 1 THEN N'held out' WHEN @Task = N'classification' THEN CAST(CAST(label AS INT) AS NVARCHAR(12)) END
                AS label_name
        FROM #inspected) AS i
    INNER JOIN (
        SELECT e.place, c.name AS column_name, COALESCE(e.t, CAST(TRY_CAST(e.x AS DECIMAL(18, 2)) AS NVARCHAR(64))) AS value
        FROM #cells AS e
        INNER JOIN #columns AS c ON c.position = e.position
        WHERE c.name IN (N'manufacturer', N'convolution_kernel', N'spacing_z', N'slice_thickness', N'kvp')) AS x ON x.place = i.place
    GROUP BY x.column_name, x.value, i.part_name, i.label_name
    ORDER BY x.column_name, x.value, i.part_name, i.label_name;
    SELECT f.position AS feature_index,
        CONCAT(n.name, N' ' + CAST(IIF(n.width > 1, f.position - n.first_index, NULL) AS NVARCHAR(12))) AS name,
        CONCAT(m.measure, N' of class ' + CAST(f.of_class AS NVARCHAR(12)) + N' against the others') AS measure, f.value, f.low, f.high,
        f.p_value, f.q_value
    FROM #findings AS f
    INNER JOIN #meanings AS m ON m.code = f.finding
    INNER JOIN #named AS n ON f.position >= n.first_index AND f.position < n.first_index + n.width
    WHERE f.finding IN (N'feature', N'ranked feature')
    ORDER BY f.p_value, f.position;
END;
