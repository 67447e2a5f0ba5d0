-- ChooseSeries: chooses anew, among the stored scans, the one of each study by a series rule, and says what changes.
-- Example: EXECUTE dbo.ChooseSeries @SeriesRule = N'thickness=0-1.5;kernels=B3*,STANDARD>SOFT;prefer=slices';
CREATE OR ALTER PROCEDURE dbo.ChooseSeries
    @SeriesRule NVARCHAR(MAX) = NULL, -- the rule; NULL means the setting series_rule
    @Apply BIT = 0,                   -- 1 stores the choices; 0 only says what would change
    @FollowNewest BIT = 0,            -- 1 also moves the primary scans of patients of before
    @Help BIT = 0                     -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ChooseSeries chooses the scan of each study, scans.is_study_choice, by a series rule, as load-scans does, and returns a
row for each change. A rule is thickness=LOW-HIGH;kernels=NAMES>NAMES;prefer=thinnest or slices, of which any part may be left out.
A conventional scan comes before a virtual monoenergetic one, then one that covers at least half as much of the body as the longest;
then the one nearest to the range of thickness; whose kernel is named first (B3* stands for all that begin with B3; names with commas
between are equally good, those behind > less so, others come last); with the smallest spacing; with the most slices; whose UID sorts
first. prefer=slices puts the most slices before the smallest spacing. A patient''s primary scan is the choice of the newest study, where
it is known which that is, else of the study it is in. Only that of a patient who was there before studies were told apart (patients.
follows_newest = 0) stays, and is its study''s choice, unless @FollowNewest = 1: then it, too, moves, now and when newer ones are loaded.
Parameters:
    @SeriesRule NVARCHAR(MAX) = NULL  the rule; NULL means the setting series_rule
    @Apply BIT = 0                    1 stores the choices; 0 only says what would change
    @FollowNewest BIT = 0             1 also moves the primary scans of patients of before
    @Help BIT = 0                     1 prints this help and does nothing else
Example:
    EXECUTE dbo.ChooseSeries @SeriesRule = N''thickness=0-1.5;kernels=B3*,STANDARD>SOFT;prefer=slices'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Low FLOAT, @High FLOAT, @PrefersSlices BIT, @Locked INT;
    CREATE TABLE #kernels (level INT NOT NULL, name NVARCHAR(200) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #ranked (scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        study_uid NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, place INT NOT NULL, is_virtual INT NOT NULL, is_short INT NOT NULL,
        away FLOAT NOT NULL, level INT NOT NULL, gap FLOAT NOT NULL, images FLOAT NOT NULL);
    CREATE TABLE #chosen (patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        study_uid NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, scan_id INT NOT NULL, PRIMARY KEY (patient_id, study_uid));
    CREATE TABLE #changes (
        change NVARCHAR(12) COLLATE DATABASE_DEFAULT NOT NULL, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        before_scan_id INT NULL, after_scan_id INT NOT NULL);
    IF @Apply IS NULL OR @FollowNewest IS NULL
    BEGIN
        SET @Message = N'The value NULL for the parameters @Apply and @FollowNewest is not supported. Supported values are 0 and 1.';
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.ReadSeriesRule @SeriesRule OUTPUT, @Low OUTPUT, @High OUTPUT, @PrefersSlices OUTPUT;

    BEGIN TRANSACTION;
    -- In the order of load-scans, so that they wait for each other here, and not crosswise.
    SET @Locked = (SELECT MAX(idx) FROM dbo.patients WITH (UPDLOCK, HOLDLOCK) WHERE @Apply = 1);
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE @Apply = 1);
    EXECUTE internal.RankSeries @Low, @High, @PrefersSlices;
    INSERT INTO #chosen (patient_id, study_uid, scan_id)
    SELECT r.patient_id, r.study_uid, COALESCE(
        MAX(CASE WHEN s.is_primary = 1 AND @FollowNewest = 0 AND p.follows_newest = 0 THEN r.scan_id END),
        MAX(CASE WHEN r.place = 1 THEN r.scan_id END))
    FROM #ranked AS r
    INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = r.patient_id
    GROUP BY r.patient_id, r.study_uid;
    INSERT INTO #changes (change, patient_id, before_scan_id, after_scan_id)
    SELECT N'study choice', c.patient_id, s.scan_id, c.scan_id
    FROM #chosen AS c
    LEFT JOIN dbo.scans AS s ON s.patient_id = c.patient_id AND s.study_uid = c.study_uid AND s.is_study_choice = 1
    WHERE s.scan_id IS NULL OR s.scan_id <> c.scan_id;
    INSERT INTO #changes (change, patient_id, before_scan_id, after_scan_id)
    SELECT N'primary scan', s.patient_id, s.scan_id, c.scan_id
    FROM dbo.scans AS s
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    LEFT JOIN dbo.patient_studies AS v ON v.patient_id = s.patient_id AND v.is_newest = 1
    INNER JOIN #chosen AS c ON c.patient_id = s.patient_id AND c.study_uid = COALESCE(v.study_uid, s.study_uid)
    WHERE (@FollowNewest = 1 OR p.follows_newest = 1) AND s.is_primary = 1 AND c.scan_id <> s.scan_id;
    IF @Apply = 1
    BEGIN
        UPDATE s SET s.is_study_choice = 0 FROM dbo.scans AS s INNER JOIN #changes AS h ON h.before_scan_id = s.scan_id
        WHERE h.change = N'study choice';
        UPDATE s SET s.is_study_choice = 1 FROM dbo.scans AS s INNER JOIN #changes AS h ON h.after_scan_id = s.scan_id
        WHERE h.change = N'study choice';
        UPDATE s SET s.is_primary = 0 FROM dbo.scans AS s INNER JOIN #changes AS h ON h.before_scan_id = s.scan_id
        WHERE h.change = N'primary scan';
        UPDATE s SET s.is_primary = 1 FROM dbo.scans AS s INNER JOIN #changes AS h ON h.after_scan_id = s.scan_id
        WHERE h.change = N'primary scan';
        UPDATE dbo.patients SET follows_newest = 1 WHERE @FollowNewest = 1 AND follows_newest = 0;
        EXECUTE internal.NoteChoices @SeriesRule, @PrefersSlices;
        IF EXISTS (SELECT 1 FROM #changes WHERE change = N'primary scan')
            EXECUTE dbo.RefreshWorklist;
    END;
    COMMIT TRANSACTION;

    SELECT h.change, p.idx AS patient_index, h.before_scan_id, h.after_scan_id, CASE WHEN @Apply = 1 THEN N'changed' ELSE N'would change'
        END AS outcome
    FROM #changes AS h
    INNER JOIN dbo.patients AS p ON p.patient_id = h.patient_id
    ORDER BY p.idx, h.change, h.after_scan_id;
END;
