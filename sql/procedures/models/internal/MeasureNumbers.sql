-- MeasureNumbers: measures two models that predict a number on the training patients whom both predicted without having learnt from them,
-- in T-SQL alone. A patient with several scans counts with those scans that both have predicted.
-- Called by MeasurePairs.
CREATE OR ALTER PROCEDURE internal.MeasureNumbers
    @ClassifierA INT,      -- a model of the task regression
    @ClassifierB INT,      -- another
    @Metric NVARCHAR(64),  -- rmse or mae
    @Patients INT OUTPUT,  -- patients in common, those whose number was changed between the two runs left out
    @ValueA FLOAT OUTPUT,  -- the first model's figure, NULL without patients in common
    @ValueB FLOAT OUTPUT   -- the second model's
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    IF @Metric IS NULL OR @Metric NOT IN (N'rmse', N'mae')
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + REPLACE(@Metric, N'%', N'%%') + N'''', N'NULL'),
            N' for the parameter @Metric is not supported with models of the task regression. Supported values are rmse and mae.');
        THROW 50101, @Message, 1;
    END;
    CREATE TABLE #numbers (
        model INT NOT NULL, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, member INT NOT NULL, scan_id INT NULL,
        target FLOAT NOT NULL, predicted FLOAT NOT NULL, PRIMARY KEY (model, patient_id, member));
    -- The part `validation` is left out: it was looked at to stop early.
    INSERT INTO #numbers (model, patient_id, member, scan_id, target, predicted)
    SELECT m.model, s.patient_id, s.member, s.scan_id, s.target, s.predicted
    FROM (SELECT 0 AS model, @ClassifierA AS classifier_id UNION ALL SELECT 1, @ClassifierB) AS m
    INNER JOIN dbo.experiment_scores AS s ON s.classifier_id = m.classifier_id
    INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id
    WHERE s.experiment_id = (SELECT MAX(e.experiment_id) FROM dbo.experiments AS e WHERE e.classifier_id = m.classifier_id)
        AND s.out_of_fold = 1 AND s.target IS NOT NULL AND s.predicted IS NOT NULL AND s.part = 'train' AND p.part = 'train';

    -- A single scan of a patient in each run is a pair though it was loaded again between the two.
    SELECT @Patients = COUNT(DISTINCT a.patient_id),
        @ValueA = CASE @Metric WHEN N'rmse' THEN SQRT(AVG((a.predicted - a.target) * (a.predicted - a.target)))
            ELSE AVG(ABS(a.predicted - a.target)) END,
        @ValueB = CASE @Metric WHEN N'rmse' THEN SQRT(AVG((b.predicted - b.target) * (b.predicted - b.target)))
            ELSE AVG(ABS(b.predicted - b.target)) END
    FROM #numbers AS a
    INNER JOIN #numbers AS b ON b.model = 1 AND b.patient_id = a.patient_id AND b.target = a.target
    WHERE a.model = 0 AND (a.scan_id = b.scan_id OR 2 = (SELECT COUNT(*) FROM #numbers AS t WHERE t.patient_id = a.patient_id));
END;
