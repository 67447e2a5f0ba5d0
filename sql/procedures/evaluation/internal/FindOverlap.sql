-- FindOverlap: refuses a data set that a model may know: patients or pixels of it that it was fitted on, stopped by, calibrated with,
-- searched with or combined of, or that its network was trained on as far as that is recorded; and models of which it is not known.
-- Called by EvaluateModel, whose table #evaluated it reads. Counts are told, never ids.
CREATE OR ALTER PROCEDURE internal.FindOverlap
    @ClassifierId INT,              -- the model
    @Force BIT,                     -- 1 tells and does not refuse
    @Overlap NVARCHAR(1000) OUTPUT, -- what was found, or NULL
    @Note NVARCHAR(2000) OUTPUT     -- what is not known but no reason to refuse, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Unknown INT, @Patients INT, @Searched INT, @Pixels INT, @Vectors INT, @Networks INT;
    DECLARE @Names NVARCHAR(400);
    CREATE TABLE #parts (classifier_id INT NOT NULL PRIMARY KEY, library NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #used (patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, scan_id INT NULL, vector_sha256 VARBINARY(32) NULL);
    CREATE TABLE #sets (feature_set_id INT NOT NULL PRIMARY KEY, network_id INT NULL, is_telling INT NOT NULL);
    CREATE TABLE #trained_on (network_id INT NOT NULL, content_sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL);

    INSERT INTO #parts (classifier_id, library)
    SELECT classifier_id, library FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    WHILE @@ROWCOUNT > 0
        INSERT INTO #parts (classifier_id, library)
        SELECT DISTINCT c.classifier_id, c.library
        FROM #parts AS p
        INNER JOIN dbo.ensemble_members AS e ON e.classifier_id = p.classifier_id
        INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.member_classifier_id
        WHERE c.classifier_id NOT IN (SELECT classifier_id FROM #parts);
    SET @Unknown = (
        SELECT COUNT(*)
        FROM #parts AS p
        WHERE (p.library <> N'ensemble' AND NOT EXISTS (
                SELECT 1
                FROM dbo.experiments AS x
                INNER JOIN dbo.experiment_patients AS t ON t.experiment_id = x.experiment_id
                WHERE x.classifier_id = p.classifier_id))
            OR (p.library = N'ensemble' AND NOT EXISTS (SELECT 1 FROM dbo.ensemble_members AS e WHERE e.classifier_id = p.classifier_id)));
    INSERT INTO #used (patient_id, scan_id, vector_sha256)
    SELECT t.patient_id, t.scan_id, t.vector_sha256
    FROM dbo.experiments AS x
    INNER JOIN dbo.experiment_patients AS t ON t.experiment_id = x.experiment_id
    WHERE t.part <> 'test' AND x.classifier_id IN (SELECT classifier_id FROM #parts);

    SET @Patients = (SELECT COUNT(DISTINCT patient) FROM #evaluated WHERE patient_id IN (SELECT patient_id FROM #used));
    -- A search looks at the labelled training patients of every feature set that it tries, or at those of its data set.
    SET @Searched = (
        SELECT COUNT(DISTINCT e.patient)
        FROM #evaluated AS e
        INNER JOIN dbo.splits AS sp ON sp.patient_id = e.patient_id AND sp.part = 'train'
        WHERE e.patient_id NOT IN (SELECT patient_id FROM #used) AND EXISTS (
            SELECT 1
            FROM dbo.searches AS s
            INNER JOIN dbo.scans AS c ON c.patient_id = e.patient_id
            WHERE s.classifier_id IN (SELECT classifier_id FROM #parts)
                AND (s.dataset_version_id IS NULL OR EXISTS (
                    SELECT 1 FROM dbo.dataset_members AS m
                    WHERE m.dataset_version_id = s.dataset_version_id AND m.scan_id = c.scan_id))
                AND (EXISTS (SELECT 1 FROM dbo.labels AS l WHERE l.patient_id = c.patient_id AND s.horizon_days IS NULL)
                    OR EXISTS (
                        SELECT 1 FROM dbo.scan_labels AS l WHERE l.scan_id = c.scan_id AND l.horizon_days = s.horizon_days))));
    SET @Pixels = (
        SELECT COUNT(*)
        FROM #evaluated AS e
        WHERE e.patient_id NOT IN (SELECT patient_id FROM #used) AND EXISTS (
            SELECT 1
            FROM #used AS u
            INNER JOIN dbo.scans AS s ON s.scan_id = u.scan_id
            WHERE s.content_sha256 = e.content_sha256));
    INSERT INTO #sets (feature_set_id, network_id, is_telling)
    SELECT fs.feature_set_id, fs.network_id, IIF(fs.network_id IS NULL OR c.pooling = N'top5' OR EXISTS (
        SELECT 1 FROM dbo.feature_parts AS t
        WHERE t.feature_set_id = c.feature_set_id AND t.part_feature_set_id = fs.feature_set_id AND t.pooling = N'top5'), 0, 1)
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = @ClassifierId
    WHERE fs.feature_set_id = c.feature_set_id
        OR fs.feature_set_id IN (SELECT p.part_feature_set_id FROM dbo.feature_parts AS p WHERE p.feature_set_id = c.feature_set_id);
    -- Of columns alone, such as age and sex, many scans have the same vector, and so have scans in which a detector found nothing.
    SET @Vectors = (
        SELECT COUNT(*)
        FROM #evaluated AS e
        WHERE e.patient_id NOT IN (SELECT patient_id FROM #used) AND e.vector_sha256 IN (SELECT vector_sha256 FROM #used)
            AND EXISTS (SELECT 1 FROM #sets WHERE is_telling = 1)
            AND NOT EXISTS (
                SELECT 1 FROM #used AS u INNER JOIN dbo.scans AS s ON s.scan_id = u.scan_id WHERE s.content_sha256 = e.content_sha256));

    INSERT INTO #trained_on (network_id, content_sha256)
    SELECT n.network_id, LEFT(t.[value], 64)
    FROM dbo.networks AS n
    CROSS APPLY OPENJSON(n.details, N'$.trained_on') AS t
    WHERE n.network_id IN (SELECT network_id FROM #sets);
    SET @Networks = (
        SELECT COUNT(*) FROM #evaluated AS e
        WHERE EXISTS (SELECT 1 FROM #trained_on AS t WHERE t.content_sha256 = CONVERT(VARCHAR(64), e.content_sha256, 2)));
    SET @Names = LEFT((
        SELECT STRING_AGG(CAST(n.name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY n.name)
        FROM dbo.networks AS n
        WHERE n.network_id IN (SELECT network_id FROM #sets) AND n.network_id NOT IN (SELECT network_id FROM #trained_on)), 400);
    SET @Note = N'What the network ' + @Names
        + N' was trained on is not recorded; if these patients were among it, the figures say too much.';

    SET @Overlap = NULLIF(CONCAT(
        IIF(@Patients > 0, CONCAT(@Patients,
            N' patients of the data set were used to fit, stop or calibrate the model or a member of it. '), N''),
        IIF(@Searched > 0, CONCAT(@Searched, N' patients were used in the search that chose its settings. '), N''),
        IIF(@Pixels > 0, CONCAT(@Pixels, N' scans have the pixels of one that was used, under another patient. '), N''),
        IIF(@Vectors > 0, CONCAT(@Vectors, N' scans have the features of one that was used, under another patient. '), N''),
        IIF(@Networks > 0, CONCAT(@Networks, N' scans were used to train its network. '), N''),
        IIF(@Unknown > 0, N'What the model or a member of it was trained on is not known here. ', N'')), N'');
    IF @Overlap IS NULL OR @Force = 1
        RETURN 0;
    SET @Message = CONCAT(@Overlap, N'Figures of what a model has learnt from say too much. Take a data set without them, ',
        N'such as one made with @Part = N''test'', or measure with @Force = 1, which is recorded.');
    THROW 50285, @Message, 1;
END;
