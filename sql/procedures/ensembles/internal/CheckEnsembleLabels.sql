-- CheckEnsembleLabels: refuses members of an ensemble that were not trained to tell the same, and one whose prevalence is not known.
-- Called by CreateEnsemble, whose table #ensemble it reads.
CREATE OR ALTER PROCEDURE internal.CheckEnsembleLabels
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Patients INT, @Number INT = 50291;
    SELECT TOP (1) @Message = CONCAT(N'The model ''', e.name, N''' version ', e.version, N' has the task ', c.task,
        N', and an ensemble is made of models of the task classification. Leave it out.')
    FROM #ensemble AS e
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id
    WHERE c.task <> 'classification'
    ORDER BY e.position;
    IF @Message IS NULL
        SELECT TOP (1) @Message = CONCAT(N'The model ''', b.name, N''' version ', b.version, N' was trained on labels of ',
            COALESCE(CAST(y.horizon_days AS NVARCHAR(12)) + N' days', N'patients'), N', and ''', a.name, N''' version ', a.version,
            N' on labels of ', COALESCE(CAST(x.horizon_days AS NVARCHAR(12)) + N' days', N'patients'),
            N'. Take models that were trained on the same labels.')
        FROM #ensemble AS a
        INNER JOIN dbo.experiments AS x ON x.experiment_id = a.experiment_id
        INNER JOIN #ensemble AS b ON b.position > a.position
        INNER JOIN dbo.experiments AS y ON y.experiment_id = b.experiment_id
        WHERE COALESCE(x.horizon_days, -1) <> COALESCE(y.horizon_days, -1)
        ORDER BY a.position, b.position;
    IF @Message IS NULL
    BEGIN
        SET @Patients = (
            SELECT COUNT(*)
            FROM (
                SELECT p.patient_id, p.scan_id
                FROM #ensemble AS e
                INNER JOIN dbo.experiment_patients AS p ON p.experiment_id = e.experiment_id
                GROUP BY p.patient_id, p.scan_id
                HAVING MIN(p.label) <> MAX(p.label)) AS d);
        IF @Patients > 0
            SET @Message = CONCAT(N'The members were trained on different labels of ', @Patients,
                N' patients. Train those again that learnt from the older labels, and name the new versions.');
    END;
    IF @Message IS NULL
    BEGIN
        SELECT TOP (1) @Message = CONCAT(N'It is not known which share of positives the model ''', e.name, N''' version ', e.version,
            N' was trained on, so that its log-odds cannot be moved to those of the others. Load it again with --prevalence, or leave it ',
            N'out.')
        FROM #ensemble AS e
        INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id
        WHERE COALESCE(TRY_CAST(JSON_VALUE(c.details, N'$.prevalence') AS FLOAT), 0) <= 0
        ORDER BY e.position;
        SET @Number = 50154;
    END;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
END;
