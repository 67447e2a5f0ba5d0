-- Patients in time, data sets, models served on purpose. Constraints that stood in the way go first; what tables/ declares in their
-- place is made after this file.
ALTER TABLE dbo.experiment_patients DROP CONSTRAINT IF EXISTS
    PK_experiment_patients, CK_experiment_patients_label, CK_experiment_patients_probability;
ALTER TABLE dbo.predictions DROP CONSTRAINT IF EXISTS CK_predictions_probability;
ALTER TABLE dbo.labels DROP CONSTRAINT IF EXISTS CK_labels_label;
ALTER TABLE dbo.pooled_features DROP CONSTRAINT IF EXISTS FK_pooled_features_features;
ALTER TABLE dbo.feature_sets DROP CONSTRAINT IF EXISTS UQ_feature_sets, FK_feature_sets_networks;
GO
WHILE EXISTS (SELECT 1 FROM dbo.features WHERE patient_id IS NULL)
    UPDATE TOP (2000) f
    SET f.patient_id = s.patient_id
    FROM dbo.features AS f
    INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
    WHERE f.patient_id IS NULL;
GO
-- Hashed ids came with dates of which only the year was kept.
WHILE EXISTS (SELECT 1 FROM dbo.scans WHERE date_rule IS NULL AND study_date IS NOT NULL)
    UPDATE TOP (2000) dbo.scans
    SET date_rule = CASE WHEN deidentification IS NULL THEN 'kept' ELSE 'year' END
    WHERE date_rule IS NULL AND study_date IS NOT NULL;
GO
-- Of the examples of the T-SQL networks each name is a data set.
INSERT INTO dbo.datasets (name, kind)
SELECT DISTINCT e.dataset, 'examples'
FROM dbo.examples AS e
WHERE NOT EXISTS (SELECT 1 FROM dbo.datasets AS d WHERE d.name = e.dataset);
GO
GO
-- A name without a champion stood for its newest version. That version becomes the champion, so that the name goes on standing for it.
INSERT INTO dbo.model_promotions (name, classifier_id, metric, forced)
SELECT c.name, c.classifier_id, N'migration', 0
FROM dbo.classifiers AS c
WHERE c.version = (SELECT MAX(n.version) FROM dbo.classifiers AS n WHERE n.name = c.name)
    AND NOT EXISTS (SELECT 1 FROM dbo.model_promotions AS p WHERE p.name = c.name AND p.rolled_back_at IS NULL);
