-- TakeLabelledScans: fills #labelled with the scans to train on and their labels, 0 or 1, or numbers. Refuses a horizon that no scan has a
-- label of, labels of more classes without a word which are positive, and a regression without numbers.
-- Called by TakeTrainingPatients and ReadTrialVectors, whose table #labelled it fills.
CREATE OR ALTER PROCEDURE internal.TakeLabelledScans
    @DatasetVersionId INT,  -- version of a data set whose members to take, or NULL
    @Horizon INT,           -- horizon of the labels in days, or NULL for those of patients
    @PositiveFrom INT,      -- labels from this one on count as 1, or NULL where they are 0 and 1
    @Task NVARCHAR(32),     -- classification, or regression: the numbers of dbo.numeric_labels are the labels
    @Unlabelled INT OUTPUT  -- members of the data set without a label
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Horizons NVARCHAR(400), @Others NVARCHAR(400);
    IF @Task = N'regression'
        INSERT INTO #labelled (scan_id, patient_id, target)
        SELECT s.scan_id, s.patient_id, l.value
        FROM dbo.scans AS s
        INNER JOIN dbo.numeric_labels AS l ON l.patient_id = s.patient_id
        WHERE (@DatasetVersionId IS NULL AND s.is_primary = 1)
            OR s.scan_id IN (SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId);
    ELSE IF @DatasetVersionId IS NULL AND @Horizon IS NULL
        INSERT INTO #labelled (scan_id, patient_id, label)
        SELECT s.scan_id, s.patient_id, l.label
        FROM dbo.scans AS s
        INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id
        WHERE s.is_primary = 1;
    ELSE IF @Horizon IS NULL
        INSERT INTO #labelled (scan_id, patient_id, label)
        SELECT s.scan_id, s.patient_id, l.label
        FROM dbo.dataset_members AS m
        INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
        INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id
        WHERE m.dataset_version_id = @DatasetVersionId;
    ELSE
        INSERT INTO #labelled (scan_id, patient_id, label)
        SELECT s.scan_id, s.patient_id, l.label
        FROM dbo.scan_labels AS l
        INNER JOIN dbo.scans AS s ON s.scan_id = l.scan_id
        WHERE l.horizon_days = @Horizon AND (@DatasetVersionId IS NULL
            OR l.scan_id IN (SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId));
    SET @Unlabelled = (SELECT COUNT(*) FROM dbo.dataset_members WHERE dataset_version_id = @DatasetVersionId)
        - IIF(@DatasetVersionId IS NULL, 0, (SELECT COUNT(*) FROM #labelled));

    IF @Task = N'regression' AND NOT EXISTS (SELECT 1 FROM #labelled)
    BEGIN
        SET @Message = CONCAT(N'No patient with a scan', IIF(@DatasetVersionId IS NULL, N'', N' of the data set'),
            N' has a number in dbo.numeric_labels, which holds those of ', (SELECT COUNT(*) FROM dbo.numeric_labels),
            N' patients. Call load_labels with --numeric and the name of a column, or leave @Task out.');
        THROW 50310, @Message, 1;
    END;
    -- The square of what is beyond is no number any more.
    SET @Others = (SELECT MIN(CONVERT(NVARCHAR(40), target, 1)) FROM #labelled WHERE ABS(target) > CAST(N'1e100' AS FLOAT));
    IF @Others IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'dbo.numeric_labels holds ', @Others, N', which is beyond 1e+100. Correct it there.');
        THROW 50310, @Message, 1;
    END;
    IF @Horizon IS NOT NULL AND NOT EXISTS (SELECT 1 FROM #labelled)
    BEGIN
        SET @Horizons = LEFT((SELECT STRING_AGG(CAST(h.horizon_days AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY h.horizon_days)
            FROM (SELECT DISTINCT horizon_days FROM dbo.scan_labels) AS h), 400);
        SET @Message = CONCAT(N'No scan', IIF(@DatasetVersionId IS NULL, N'', N' of the data set'), N' has a label within ', @Horizon,
            N' days. Horizons in dbo.scan_labels: ', COALESCE(@Horizons, N'none'), N'. Ask for one of them, or call load_labels with ',
            N'--horizon ', @Horizon, N'.');
        THROW 50276, @Message, 1;
    END;
    IF @PositiveFrom IS NULL AND EXISTS (SELECT 1 FROM #labelled WHERE label > 1)
    BEGIN
        SET @Others = LEFT((SELECT STRING_AGG(CONCAT(CAST(c.label AS NVARCHAR(MAX)), N' (', c.members, N' scans)'), N', ')
            WITHIN GROUP (ORDER BY c.label)
            FROM (SELECT label, COUNT(*) AS members FROM #labelled GROUP BY label) AS c), 400);
        SET @Message = CONCAT(N'A model that tells two classes apart needs labels 0 and 1, and there are the labels ', @Others,
            N'. Say from which on they are positive, such as @PositiveFrom = 2, or correct the labels.');
        THROW 50276, @Message, 1;
    END;
    UPDATE #labelled SET label = CASE WHEN label >= @PositiveFrom THEN 1 ELSE 0 END WHERE @PositiveFrom IS NOT NULL;
END;
