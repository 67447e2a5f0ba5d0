-- Patients in time, data sets, models served on purpose. Constraints that stood in the way go first; what tables/ declares in their
-- place is made after this file.
ALTER TABLE dbo.experiment_patients DROP CONSTRAINT IF EXISTS PK_experiment_patients, CK_experiment_patients_label;
IF EXISTS (SELECT 1 FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.experiment_patients') AND name = N'probability' AND is_nullable = 0)
    ALTER TABLE dbo.experiment_patients DROP CONSTRAINT IF EXISTS CK_experiment_patients_probability;
IF EXISTS (SELECT 1 FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.predictions') AND name = N'probability' AND is_nullable = 0)
    ALTER TABLE dbo.predictions DROP CONSTRAINT IF EXISTS CK_predictions_probability;
ALTER TABLE dbo.labels DROP CONSTRAINT IF EXISTS CK_labels_label;
ALTER TABLE dbo.pooled_features DROP CONSTRAINT IF EXISTS FK_pooled_features_features;
IF EXISTS (SELECT 1 FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.feature_sets') AND name = N'network_id' AND is_nullable = 0)
    ALTER TABLE dbo.feature_sets DROP CONSTRAINT IF EXISTS UQ_feature_sets, FK_feature_sets_networks;
ALTER TABLE dbo.splits DROP CONSTRAINT IF EXISTS FK_splits_patients;
GO
WHILE EXISTS (SELECT 1 FROM dbo.features WHERE patient_id IS NULL)
    UPDATE TOP (2000) f
    SET f.patient_id = s.patient_id
    FROM dbo.features AS f
    INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
    WHERE f.patient_id IS NULL;
GO
-- Hashed ids came with dates of which only the year was kept; the first version did not note with the scan that they are hashed.
WHILE EXISTS (SELECT 1 FROM dbo.scans WHERE date_rule IS NULL AND study_date IS NOT NULL)
    UPDATE TOP (2000) dbo.scans
    SET date_rule = CASE WHEN deidentification IS NOT NULL
        OR EXISTS (SELECT 1 FROM dbo.settings WHERE name = N'id_mode' AND value = N'keyed') THEN 'year' ELSE 'kept' END
    WHERE date_rule IS NULL AND study_date IS NOT NULL;
GO
-- The primary scan is its study's choice, so that no score changes; in other studies it is the one that would have been primary.
WHILE EXISTS (
    SELECT 1 FROM dbo.scans AS s
    WHERE s.is_primary = 1 AND NOT EXISTS (
        SELECT 1 FROM dbo.scans AS o WHERE o.patient_id = s.patient_id AND o.study_uid = s.study_uid AND o.is_study_choice = 1))
    UPDATE TOP (2000) s
    SET s.is_study_choice = 1
    FROM dbo.scans AS s
    WHERE s.is_primary = 1 AND NOT EXISTS (
        SELECT 1 FROM dbo.scans AS o
        WHERE o.patient_id = s.patient_id AND o.study_uid = s.study_uid
            AND (o.is_study_choice = 1 OR (o.is_primary = 1 AND o.scan_id < s.scan_id)));
GO
WHILE EXISTS (
    SELECT 1 FROM dbo.scans AS s
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.scans AS o WHERE o.patient_id = s.patient_id AND o.study_uid = s.study_uid AND o.is_study_choice = 1))
    UPDATE s
    SET s.is_study_choice = 1
    FROM dbo.scans AS s
    INNER JOIN (
        SELECT TOP (2000) r.scan_id
        FROM (
            SELECT t.scan_id, ROW_NUMBER() OVER (
                PARTITION BY t.patient_id, t.study_uid
                ORDER BY CASE WHEN t.monoenergetic_kev IS NULL THEN 0 ELSE 1 END,
                    CASE WHEN 2 * t.number_images * COALESCE(t.spacing_z, 0) >= l.longest THEN 0 ELSE 1 END,
                    CASE WHEN t.spacing_z IS NULL THEN 1 ELSE 0 END, FLOOR(100 * t.spacing_z + 0.5), t.number_images DESC, t.series_uid
            ) AS place
            FROM dbo.scans AS t
            INNER JOIN (
                SELECT patient_id, study_uid, COALESCE(
                    MAX(CASE WHEN monoenergetic_kev IS NULL THEN number_images * COALESCE(spacing_z, 0) END),
                    MAX(number_images * COALESCE(spacing_z, 0))) AS longest
                FROM dbo.scans
                GROUP BY patient_id, study_uid) AS l ON l.patient_id = t.patient_id AND l.study_uid = t.study_uid
            WHERE NOT EXISTS (
                SELECT 1 FROM dbo.scans AS o
                WHERE o.patient_id = t.patient_id AND o.study_uid = t.study_uid AND o.is_study_choice = 1)) AS r
        WHERE r.place = 1) AS c ON c.scan_id = s.scan_id;
GO
-- Of the examples of the T-SQL networks each name is a data set.
INSERT INTO dbo.datasets (name, kind)
SELECT DISTINCT e.dataset, 'examples'
FROM dbo.examples AS e
WHERE NOT EXISTS (SELECT 1 FROM dbo.datasets AS d WHERE d.name = e.dataset);
GO
-- A name without a champion stood for its newest version. That version becomes the champion, so that the name goes on standing for it.
INSERT INTO dbo.model_promotions (name, classifier_id, metric, forced)
SELECT c.name, c.classifier_id, N'migration', 0
FROM dbo.classifiers AS c
WHERE c.version = (SELECT MAX(n.version) FROM dbo.classifiers AS n WHERE n.name = c.name)
    AND NOT EXISTS (SELECT 1 FROM dbo.model_promotions AS p WHERE p.name = c.name AND p.rolled_back_at IS NULL);
