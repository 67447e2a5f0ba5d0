-- ExamineWorkAside: queued work that nobody can do, a row each, with why.
-- Called by ExamineWork; fills Doctor's table #findings.
CREATE OR ALTER PROCEDURE internal.ExamineWorkAside
AS
BEGIN
    SET NOCOUNT ON;

    -- 50120 and 50462 are errors of single items, not of the work.
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'work set aside', 'fault',
        CONCAT(N'Work ', w.work_id, N' of ', w.procedure_name, N' is set aside, ', a.items, N' items are not done: ', a.error),
        CONCAT(N'EXECUTE dbo.DropWork @WorkId = ', w.work_id, N'; -- or mend that, and queue it again: ', CASE
            WHEN n.network_id IS NULL THEN N'with another network'
            WHEN w.procedure_name = N'FeaturizeImages' THEN CONCAT(N'EXECUTE dbo.QueueImages @ModelName = N''',
                REPLACE(n.name, N'''', N''''''), N''', @Layer = N''', REPLACE(JSON_VALUE(w.arguments, N'$.layer'), N'''', N''''''),
                N''';')
            ELSE CONCAT(N'EXECUTE dbo.QueueFeatures @ModelName = N''', REPLACE(n.name, N'''', N''''''), N''', @Layer = N''',
                REPLACE(JSON_VALUE(w.arguments, N'$.layer'), N'''', N''''''), N''', @Preprocessing = N''',
                REPLACE(JSON_VALUE(w.arguments, N'$.preprocessing'), N'''', N''''''), N''', @Pooling = N''',
                REPLACE(JSON_VALUE(w.arguments, N'$.pooling'), N'''', N''''''), N''';') END)
    FROM dbo.work AS w
    INNER JOIN (
        SELECT i.work_id, COUNT(*) AS items, MAX(i.error) AS error
        FROM dbo.work_items AS i
        WHERE i.state = 'failed' AND i.error_number NOT IN (50120, 50462)
        GROUP BY i.work_id) AS a ON a.work_id = w.work_id
    LEFT JOIN dbo.networks AS n ON n.network_id = CAST(JSON_VALUE(w.arguments, N'$.network_id') AS INT)
    WHERE w.is_queued = 1;
    IF @@ROWCOUNT = 0
        INSERT INTO #findings (check_name, state, found, mend)
        VALUES (N'work set aside', 'ok', N'No queued work is set aside as what nobody can do.', NULL);
END;
