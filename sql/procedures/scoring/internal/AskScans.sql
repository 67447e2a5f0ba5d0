-- AskScans: fills #asked with the scans that a scoring procedure was asked for, or the indices of patients who have none of that kind.
-- Called by FindPatients, whose table #asked it fills.
CREATE OR ALTER PROCEDURE internal.AskScans
    @Patients NVARCHAR(MAX),  -- indices of patients with commas between, or NULL for all that have such a scan
    @Only NVARCHAR(16),       -- primary, newest, all or new; NULL means the scans of the data set, without one the primary ones
    @Dataset NVARCHAR(128),   -- data set of scans, or NULL for any scan
    @DatasetVersion INT       -- its version, or NULL for the newest
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @DatasetVersionId INT, @Count INT;
    CREATE TABLE #open (scan_id INT NOT NULL PRIMARY KEY, idx INT NOT NULL);
    IF @Only NOT IN (N'primary', N'newest', N'all', N'new')
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The value ''', @Only,
            N''' for the parameter @Only is not supported. Supported values are primary, newest, all, new and NULL.'), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    IF @Dataset IS NOT NULL
        EXECUTE internal.FindDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    SET @Only = COALESCE(@Only, IIF(@Dataset IS NULL, N'primary', N'all'));

    -- Of a patient whose newest study is not known the primary scan stands for it.
    INSERT INTO #open (scan_id, idx)
    SELECT s.scan_id, p.idx
    FROM dbo.scans AS s
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    WHERE @Only IN (N'all', N'new') OR (@Only = N'primary' AND s.is_primary = 1);
    IF @Only = N'newest'
    BEGIN
        INSERT INTO #open (scan_id, idx)
        SELECT v.choice_scan_id, p.idx
        FROM dbo.patient_studies AS v
        INNER JOIN dbo.patients AS p ON p.patient_id = v.patient_id
        WHERE v.is_newest = 1 AND v.choice_scan_id IS NOT NULL;
        INSERT INTO #open (scan_id, idx)
        SELECT s.scan_id, p.idx
        FROM dbo.scans AS s
        INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
        WHERE s.is_primary = 1 AND p.idx NOT IN (SELECT idx FROM #open);
        SET @Count = @@ROWCOUNT;
        IF @Count > 0
            RAISERROR(N'Of %d patients it is not known which study is the newest; their primary scans are taken.', 0, 1, @Count)
                WITH NOWAIT;
    END;
    IF @DatasetVersionId IS NOT NULL
    BEGIN
        DELETE FROM #open WHERE scan_id NOT IN (
            SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId AND m.scan_id IS NOT NULL);
        SET @Count = (
            SELECT COUNT(*) FROM dbo.dataset_members AS m
            WHERE m.dataset_version_id = @DatasetVersionId AND NOT EXISTS (
                SELECT 1 FROM dbo.scans AS s WHERE s.scan_id = m.scan_id AND s.content_sha256 = m.content_sha256));
        IF @Count > 0
            RAISERROR(N'%d scans of the data set are no longer there or have other slices than when it was made.', 0, 1, @Count)
                WITH NOWAIT;
    END;

    IF @Patients IS NULL
        INSERT INTO #asked (idx, scan_id)
        SELECT idx, scan_id FROM #open;
    ELSE
        -- An empty text would be cast to 0.
        INSERT INTO #asked (given, idx, scan_id)
        SELECT g.given, g.idx, o.scan_id
        FROM (
            SELECT DISTINCT LEFT(LTRIM(RTRIM(value)), 400) AS given, TRY_CAST(NULLIF(LTRIM(RTRIM(value)), N'') AS INT) AS idx
            FROM STRING_SPLIT(@Patients, N',')) AS g
        LEFT JOIN #open AS o ON o.idx = g.idx;
END;
