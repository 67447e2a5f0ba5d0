-- FindSeries: the series that are asked for by UIDs, patient or day, a row a series or a row a study, the newest study first.
-- Example: EXECUTE dbo.FindSeries @PatientId = N'phantom-*', @ByStudy = 1;
CREATE OR ALTER PROCEDURE dbo.FindSeries
    @StudyUid NVARCHAR(64) = NULL,      -- study_uid of the study; NULL finds all
    @StudyDigest VARBINARY(16) = NULL,  -- where no study has @StudyUid: first bytes of the SHA-256 of the study_uid in UTF-16
    @SeriesUid NVARCHAR(64) = NULL,     -- series_uid of the series; NULL finds all
    @SeriesDigest VARBINARY(16) = NULL, -- where no series has @SeriesUid: first bytes of the SHA-256 of the series_uid in UTF-16
    @PatientIndex INT = NULL,           -- idx of the patient; NULL finds all
    @PatientId NVARCHAR(256) = NULL,    -- patient_id; * stands for any characters, ? for one; NULL finds all
    @PatientName NVARCHAR(256) = NULL,  -- display_name, likewise
    @FirstDay DATE = NULL,              -- studies of this day or later; of studies whose day is not known none is found
    @LastDay DATE = NULL,               -- studies of this day or earlier
    @WithPixels BIT = 0,                -- 1 leaves out series without slices in this database
    @ByStudy BIT = 0,                   -- 1 returns one series of each study, the first that is found
    @Offset INT = 0,                    -- rows to pass over, 0 and up
    @Limit INT = 1000,                  -- rows to return, 1 to 1001
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FindSeries returns series with their patient, their study, what is known of the scan and where it lies, a row a series.
study_day is NULL where the day of the study is not known. study_series and study_slices count what the study has in this database.
Parameters:
    @StudyUid NVARCHAR(64) = NULL       study_uid of the study; NULL finds all
    @StudyDigest VARBINARY(16) = NULL   where no study has @StudyUid: first bytes of the SHA-256 of the study_uid in UTF-16
    @SeriesUid NVARCHAR(64) = NULL      series_uid of the series; NULL finds all
    @SeriesDigest VARBINARY(16) = NULL  where no series has @SeriesUid: first bytes of the SHA-256 of the series_uid in UTF-16
    @PatientIndex INT = NULL            idx of the patient; NULL finds all
    @PatientId NVARCHAR(256) = NULL     patient_id; * stands for any characters, ? for one; NULL finds all
    @PatientName NVARCHAR(256) = NULL   display_name, likewise
    @FirstDay DATE = NULL               studies of this day or later; of studies whose day is not known none is found
    @LastDay DATE = NULL                studies of this day or earlier
    @WithPixels BIT = 0                 1 leaves out series without slices in this database
    @ByStudy BIT = 0                    1 returns one series of each study, the first that is found
    @Offset INT = 0                     rows to pass over, 0 and up
    @Limit INT = 1000                   rows to return, 1 to 1001
    @Help BIT = 0                       1 prints this help and does nothing else
Example:
    EXECUTE dbo.FindSeries @PatientId = N''phantom-*'', @ByStudy = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    CREATE TABLE #some (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #found (
        scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        study_uid NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, study_day DATE NULL);
    CREATE TABLE #page (position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, scan_id INT NOT NULL);
    IF @Offset IS NULL OR @Offset < 0
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Offset AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Offset is not supported. Supported values are 0 and up.');
    ELSE IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1001
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1001.');
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;

    IF @StudyDigest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dbo.scans WHERE study_uid = @StudyUid)
        SET @StudyUid = COALESCE((
            SELECT MIN(study_uid) FROM dbo.scans
            WHERE SUBSTRING(HASHBYTES('SHA2_256', CONVERT(VARBINARY(128), study_uid)), 1, 16) = @StudyDigest), @StudyUid);
    -- Of a study that is known only its own series are hashed.
    IF @SeriesDigest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dbo.scans WHERE series_uid = @SeriesUid)
    BEGIN
        IF @StudyUid IS NULL
            SET @SeriesUid = COALESCE((
                SELECT MIN(series_uid) FROM dbo.scans
                WHERE SUBSTRING(HASHBYTES('SHA2_256', CONVERT(VARBINARY(128), series_uid)), 1, 16) = @SeriesDigest), @SeriesUid);
        ELSE
            SET @SeriesUid = COALESCE((
                SELECT MIN(series_uid) FROM dbo.scans
                WHERE study_uid = @StudyUid
                    AND SUBSTRING(HASHBYTES('SHA2_256', CONVERT(VARBINARY(128), series_uid)), 1, 16) = @SeriesDigest), @SeriesUid);
    END;
    -- What is longer than an id or a name can be is none.
    SET @PatientId = REPLACE(REPLACE(REPLACE(REPLACE(LEFT(@PatientId, 130), N'\', N'\\'), N'%', N'\%'), N'_', N'\_'), N'[', N'\[');
    SET @PatientId = REPLACE(REPLACE(@PatientId, N'*', N'%'), N'?', N'_');
    SET @PatientName = REPLACE(REPLACE(REPLACE(REPLACE(LEFT(@PatientName, 130), N'\', N'\\'), N'%', N'\%'), N'_', N'\_'), N'[', N'\[');
    SET @PatientName = REPLACE(REPLACE(@PatientName, N'*', N'%'), N'?', N'_');

    -- A statement for each, because a viewer asks for one series hundreds of times.
    IF @SeriesUid IS NOT NULL
        INSERT INTO #some (scan_id) SELECT scan_id FROM dbo.scans WHERE series_uid = @SeriesUid;
    ELSE IF @StudyUid IS NOT NULL
        INSERT INTO #some (scan_id) SELECT scan_id FROM dbo.scans WHERE study_uid = @StudyUid;
    ELSE IF @PatientIndex IS NOT NULL
        INSERT INTO #some (scan_id)
        SELECT s.scan_id FROM dbo.patients AS p INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id WHERE p.idx = @PatientIndex;
    ELSE
        INSERT INTO #some (scan_id) SELECT scan_id FROM dbo.scans;
    INSERT INTO #found (scan_id, patient_id, study_uid, study_day)
    SELECT f.scan_id, f.patient_id, f.study_uid, f.study_day
    FROM (
        SELECT s.scan_id, s.patient_id, s.study_uid, p.display_name,
            CASE WHEN s.date_rule IN ('kept', 'shifted') THEN s.study_date END AS study_day
        FROM #some AS e
        INNER JOIN dbo.scans AS s ON s.scan_id = e.scan_id
        INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
        WHERE (@StudyUid IS NULL OR s.study_uid = @StudyUid) AND (@PatientIndex IS NULL OR p.idx = @PatientIndex)) AS f
    WHERE (@PatientId IS NULL OR f.patient_id LIKE @PatientId ESCAPE N'\')
        AND (@PatientName IS NULL OR f.display_name LIKE @PatientName ESCAPE N'\')
        AND (@FirstDay IS NULL OR f.study_day >= @FirstDay) AND (@LastDay IS NULL OR f.study_day <= @LastDay)
        AND (@WithPixels = 0 OR EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = f.scan_id))
    OPTION (RECOMPILE);
    INSERT INTO #page (scan_id)
    SELECT f.scan_id
    FROM #found AS f
    WHERE @ByStudy = 0 OR f.scan_id IN (SELECT MIN(g.scan_id) FROM #found AS g GROUP BY g.patient_id, g.study_uid)
    ORDER BY f.study_day DESC, f.scan_id OFFSET @Offset ROWS FETCH NEXT @Limit ROWS ONLY;

    SELECT p.idx AS patient_index, s.patient_id, p.display_name, p.sex, s.patient_age, s.scan_id, s.study_uid, s.series_uid,
        CASE WHEN s.date_rule IN ('kept', 'shifted') THEN s.study_date END AS study_day, s.deidentification, s.manufacturer,
        s.image_rows, s.image_cols, s.number_images AS slices, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256,
        CAST(IIF(EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id), 1, 0) AS BIT) AS has_pixels,
        s.spacing_z, s.spacing_y, s.spacing_x, s.slice_thickness, s.gantry_tilt, s.convolution_kernel, s.kvp, s.patient_orientation,
        s.frame_of_reference_uid, s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z,
        s.step_x, s.step_y, s.step_z, (
            SELECT COUNT(*) FROM dbo.scans AS o
            WHERE o.study_uid = s.study_uid AND o.patient_id = s.patient_id
                AND EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = o.scan_id)) AS study_series, (
            SELECT COALESCE(SUM(o.number_images), 0) FROM dbo.scans AS o
            WHERE o.study_uid = s.study_uid AND o.patient_id = s.patient_id
                AND EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = o.scan_id)) AS study_slices
    FROM #page AS g
    INNER JOIN dbo.scans AS s ON s.scan_id = g.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    ORDER BY g.position;
END;
