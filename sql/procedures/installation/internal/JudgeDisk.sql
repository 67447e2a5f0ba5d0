-- JudgeDisk: says whether the database can grow.
-- Called by ExamineDisk, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeDisk
    @Free BIGINT,        -- megabytes that are free on the fullest disk of its files, or NULL
    @Size BIGINT,        -- megabytes of its data files
    @Most BIGINT,        -- megabytes that they may have, or NULL for no limit
    @File NVARCHAR(128)  -- the file with that limit, or NULL where it is the edition's
AS
BEGIN
    SET NOCOUNT ON;

    -- A scan of 512 x 512 with 300 slices is about 50 MB.
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'disk',
        CASE WHEN r.room IS NULL THEN 'warning' WHEN r.room < 1000 THEN 'fault' WHEN r.room < 10000 THEN 'warning' ELSE 'ok' END,
        CONCAT(N'The data files have ', @Size, N' MB', CASE WHEN @Most IS NULL THEN N'' ELSE CONCAT(N' of at most ', @Most) END, N'; ',
            COALESCE(CAST(@Free AS NVARCHAR(20)), N'an unknown number of'), N' MB are free on the fullest of their disks.'),
        CASE WHEN r.room >= 10000 THEN NULL
            WHEN @Most - @Size < COALESCE(@Free, @Most) AND @File IS NOT NULL
                THEN CONCAT(N'ALTER DATABASE CURRENT MODIFY FILE (NAME = N''', REPLACE(@File, N'''', N''''''), N''', MAXSIZE = UNLIMITED);')
            WHEN @Most - @Size < COALESCE(@Free, @Most)
                THEN N'EXECUTE dbo.DeleteFeatures @Help = 1; -- features can be made again; or move to another edition'
            ELSE N'UPDATE dbo.settings SET value = N''0'' WHERE name = N''prepared_gigabytes''; -- and free the disk, or move files'
        END
    FROM (SELECT CASE WHEN @Most - @Size < @Free THEN @Most - @Size ELSE COALESCE(@Free, @Most - @Size) END AS room) AS r;
END;
