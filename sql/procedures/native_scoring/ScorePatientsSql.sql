-- ScorePatientsSql: scores patients with T-SQL alone, and keeps nothing.
-- Example: EXECUTE dbo.ScorePatientsSql @ModelName = N'lightgbm_sql', @Patients = N'0,1,2';
CREATE OR ALTER PROCEDURE dbo.ScorePatientsSql
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Patients NVARCHAR(MAX) = NULL,             -- indices of patients with commas between; NULL means all
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @SkipMissing BIT = 0,                       -- 1 leaves out patients without features; 0 refuses
    @Only NVARCHAR(16) = NULL,                  -- primary, newest, all, or new: not scored yet; NULL means primary, or all of a data set
    @Dataset NVARCHAR(128) = NULL,              -- data set of scans, as CreateDataset makes them; NULL means any scan
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ScorePatientsSql scores the primary scans of patients as dbo.PredictPatientsSql does, but keeps no row in
dbo.predictions and corrects nothing for the share of positives at the site. It returns a row a patient: patient_index, what the
model says before calibration (raw) and after it (probability), both from 0 to 1; of a model of the task regression raw is the number that
it predicts and probability NULL. lungdb copy sends these along, to be compared on arrival.
@Only says which scans of a patient: the primary one; newest, the one that the series rule chose of his newest study; all; or new, those
that the version has not scored by the features that are there, so that a job that runs every night does not score all again.
With @Only or @Dataset the rows have scan_id as a further column.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Patients NVARCHAR(MAX) = NULL              indices of patients with commas between; NULL means all
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @SkipMissing BIT = 0                        1 leaves out patients without features; 0 refuses
    @Only NVARCHAR(16) = NULL                   primary, newest, all, or new: not scored yet; NULL means primary, or all of a data set
    @Dataset NVARCHAR(128) = NULL               data set of scans, as CreateDataset makes them; NULL means any scan
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.ScorePatientsSql @Patients = N''0,1,2'';';
        RETURN 0;
    END;

    DECLARE @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32);
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY, idx INT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);

    EXECUTE internal.FindScoring @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    EXECUTE internal.FindPatients @Patients, @FeatureSetId, @Pooling, @SkipMissing, 0, 1, @ClassifierId, @Only, @Dataset,
        @DatasetVersion;
    IF EXISTS (SELECT 1 FROM #wanted)
        EXECUTE internal.ScoreScansSql @ClassifierId, NULL;
    IF @Only IS NULL AND @Dataset IS NULL
        SELECT w.idx AS patient_index, s.raw, s.probability
        FROM #scores AS s
        INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
        ORDER BY w.idx;
    ELSE
        SELECT w.idx AS patient_index, s.raw, s.probability, w.scan_id
        FROM #scores AS s
        INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
        ORDER BY w.idx, w.scan_id;
END;
