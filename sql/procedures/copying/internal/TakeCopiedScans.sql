-- TakeCopiedScans: stores the patients, scans and vectors in #copy_scans, and compares their scores here with those that came along;
-- inside the caller's transaction.
-- Called by TakeCopiedModel. The script's tables #copy_scans and #copy_model are read.
CREATE OR ALTER PROCEDURE internal.TakeCopiedScans
    @ClassifierId INT, -- model that scores them, complete
    @FeatureSetId INT  -- feature set of the vectors
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Difference FLOAT, @Top INT, @Moved INT, @Locked INT, @Scans NVARCHAR(MAX),
        @Pooling NVARCHAR(32) = (SELECT pooling FROM #copy_model);
    CREATE TABLE #arrived (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL,
        features_sha256 VARBINARY(32) NULL, raw FLOAT NOT NULL, probability FLOAT NULL);
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #moved (scan_id INT NOT NULL PRIMARY KEY, newest_scan_id INT NOT NULL);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);

    SET @Message = (
        SELECT CONCAT(N'The vectors of ', COUNT(*),
            N' scans are not those that were sent: their SHA-256 is another one. Make the copy again.')
        FROM #copy_scans
        WHERE vector_sha256 <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector))
        HAVING COUNT(*) > 0);
    IF @Message IS NULL
        SET @Message = (
            SELECT CONCAT(COUNT(*), N' series are here with other slices than where their features come from, the first as scan_id ',
                MIN(s.scan_id), N'. Load the same slices on both sides, or leave these patients out.')
            FROM #copy_scans AS c
            INNER JOIN dbo.scans AS s ON s.series_uid = c.series_uid
            WHERE s.content_sha256 <> c.content_sha256
            HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
        THROW 50155, @Message, 1;

    SET @Top = (
        SELECT MAX(i.idx) FROM (
            SELECT idx FROM dbo.patients WITH (UPDLOCK, HOLDLOCK)
            UNION ALL
            SELECT idx FROM #copy_scans) AS i);
    -- Then the worklist before the rest, as whoever stores scores and features does: so they wait for each other here, and not crosswise.
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK)
        WHERE patient_id IN (SELECT patient_id FROM #copy_scans));
    INSERT INTO dbo.patients (patient_id, idx, follows_newest)
    SELECT c.patient_id, CASE WHEN taken.idx IS NULL THEN c.idx ELSE @Top + ROW_NUMBER() OVER (ORDER BY c.idx) END, 1
    FROM #copy_scans AS c
    LEFT JOIN dbo.patients AS taken ON taken.idx = c.idx
    WHERE NOT EXISTS (SELECT 1 FROM dbo.patients AS p WHERE p.patient_id = c.patient_id);
    UPDATE p
    SET p.sex = c.sex
    FROM dbo.patients AS p
    INNER JOIN #copy_scans AS c ON c.patient_id = p.patient_id
    WHERE p.sex IS NULL AND c.sex IS NOT NULL;
    -- A scan that came with another model lacks what that one did not read. An age that the year of birth tells here stays.
    UPDATE s
    SET s.patient_age = COALESCE(s.patient_age, CASE WHEN k.age IS NULL THEN c.patient_age END),
        s.manufacturer = COALESCE(s.manufacturer, c.manufacturer), s.spacing_z = COALESCE(s.spacing_z, c.spacing_z),
        s.spacing_y = COALESCE(s.spacing_y, c.spacing_y), s.spacing_x = COALESCE(s.spacing_x, c.spacing_x),
        s.slice_thickness = COALESCE(s.slice_thickness, c.slice_thickness), s.kvp = COALESCE(s.kvp, c.kvp),
        s.has_contrast = COALESCE(s.has_contrast, c.has_contrast)
    FROM dbo.scans AS s
    INNER JOIN #copy_scans AS c ON c.series_uid = s.series_uid
    INNER JOIN dbo.scan_columns AS k ON k.scan_id = s.scan_id;
    SET @Moved = (SELECT COUNT(*) FROM #copy_scans AS c INNER JOIN dbo.patients AS p ON p.patient_id = c.patient_id WHERE p.idx <> c.idx);

    INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, study_date, manufacturer, image_rows, image_cols, number_images,
        spacing_z, spacing_y, spacing_x, content_sha256, gantry_tilt, deidentification, patient_orientation, intake_rule, monoenergetic_kev,
        is_study_choice, acquisition_date, date_rule, study_order, study_year, time_point, time_point_kind, convolution_kernel, kvp,
        slice_thickness, has_contrast, patient_age, frame_of_reference_uid, origin_x, origin_y, origin_z, row_x, row_y, row_z,
        column_x, column_y, column_z, step_x, step_y, step_z)
    SELECT c.patient_id,
        CASE WHEN EXISTS (SELECT 1 FROM dbo.scans AS s WHERE s.patient_id = c.patient_id AND s.is_primary = 1) THEN 0 ELSE 1 END,
        c.series_uid, c.study_uid, c.study_date, c.manufacturer, c.image_rows, c.image_cols, c.number_images,
        c.spacing_z, c.spacing_y, c.spacing_x, c.content_sha256, c.gantry_tilt, c.deidentification,
        c.patient_orientation, c.intake_rule, c.monoenergetic_kev, CASE WHEN EXISTS (
            SELECT 1 FROM dbo.scans AS s
            WHERE s.patient_id = c.patient_id AND s.study_uid = c.study_uid AND s.is_study_choice = 1) THEN 0 ELSE 1 END,
        c.acquisition_date, c.date_rule, c.study_order, c.study_year, c.time_point, c.time_point_kind, c.convolution_kernel, c.kvp,
        c.slice_thickness, c.has_contrast, c.patient_age, c.frame_of_reference_uid, c.origin_x, c.origin_y, c.origin_z,
        c.row_x, c.row_y, c.row_z, c.column_x, c.column_y, c.column_z, c.step_x, c.step_y, c.step_z
    FROM #copy_scans AS c
    WHERE NOT EXISTS (SELECT 1 FROM dbo.scans AS s WHERE s.series_uid = c.series_uid);

    INSERT INTO #arrived (scan_id, vector, features_sha256, raw, probability)
    SELECT s.scan_id, c.vector, c.features_sha256, c.raw, c.probability
    FROM #copy_scans AS c
    INNER JOIN dbo.scans AS s ON s.series_uid = c.series_uid;
    -- The primary scan of a patient who follows the newest study moves to one that has come.
    INSERT INTO #moved (scan_id, newest_scan_id)
    SELECT s.scan_id, v.choice_scan_id
    FROM #arrived AS a
    INNER JOIN dbo.scans AS n ON n.scan_id = a.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = n.patient_id AND p.follows_newest = 1
    INNER JOIN dbo.patient_studies AS v ON v.patient_id = p.patient_id AND v.is_newest = 1
    INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id AND s.is_primary = 1
    WHERE v.choice_scan_id <> s.scan_id;
    UPDATE s SET s.is_primary = 0 FROM dbo.scans AS s INNER JOIN #moved AS m ON m.scan_id = s.scan_id;
    UPDATE s SET s.is_primary = 1 FROM dbo.scans AS s INNER JOIN #moved AS m ON m.newest_scan_id = s.scan_id;
    -- No array comes, and its hash says so to whoever reads it.
    INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256, patient_id)
    SELECT a.scan_id, @FeatureSetId, 0, 0, 0x, a.features_sha256, s.patient_id
    FROM #arrived AS a
    INNER JOIN dbo.scans AS s ON s.scan_id = a.scan_id
    WHERE a.features_sha256 IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM dbo.features AS f WHERE f.scan_id = a.scan_id AND f.feature_set_id = @FeatureSetId);
    UPDATE p
    SET p.vector = a.vector, p.vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), a.vector))
    FROM dbo.pooled_features AS p
    INNER JOIN #arrived AS a ON a.scan_id = p.scan_id
    WHERE p.feature_set_id = @FeatureSetId AND p.pooling = @Pooling;
    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
    SELECT a.scan_id, @FeatureSetId, @Pooling, a.vector, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), a.vector))
    FROM #arrived AS a
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.pooled_features AS p WHERE p.scan_id = a.scan_id AND p.feature_set_id = @FeatureSetId AND p.pooling = @Pooling);
    EXECUTE internal.TakeCopiedParts @FeatureSetId;

    SET @Scans = COALESCE((SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM #arrived), N'');
    EXECUTE dbo.RefreshWorklist @Scans;

    INSERT INTO #wanted (scan_id)
    SELECT scan_id FROM #arrived;
    EXECUTE internal.ScoreScansSql @ClassifierId, NULL;
    SET @Difference = (
        -- Of numbers beyond 1, which a regression predicts, relative to them.
        SELECT MAX(CASE
            WHEN a.probability IS NULL OR ABS(s.raw - a.raw) > ABS(s.probability - a.probability)
                THEN ABS(s.raw - a.raw) / IIF(ABS(a.raw) > 1, ABS(a.raw), 1)
            ELSE ABS(s.probability - a.probability) END)
        FROM #scores AS s
        INNER JOIN #arrived AS a ON a.scan_id = s.scan_id);
    IF @Difference >= CAST(N'1e-6' AS FLOAT)
    BEGIN
        SET @Message = CONCAT(N'The model scores up to ', @Difference, N' away from where it comes from, where 1e-6 is allowed. ',
            N'Copy from a database whose procedures are as new as those here.');
        THROW 50151, @Message, 1;
    END;
    IF @Moved > 0
        RAISERROR(N'%d patients have another index here than where they come from; see dbo.patients.', 0, 1, @Moved) WITH NOWAIT;
END;
