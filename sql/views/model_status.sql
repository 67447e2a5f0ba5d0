-- What each model's name serves where no version is given, and why; how often figures of the served version's test patients were looked
-- at since its training, and which share of the held-out scans stands outside what it knows.
CREATE OR ALTER VIEW dbo.model_status
AS
SELECT
    s.name,
    s.classifier_id,
    s.version,
    CASE
        WHEN p.promotion_id IS NULL AND g.value = N'newest' THEN N'the newest version, because the setting serve is newest'
        WHEN p.promotion_id IS NULL THEN N'the newest version, because none is the champion'
        WHEN p.metric = N'first version' THEN N'the champion as the first version of the name'
        WHEN p.metric = N'migration' THEN N'the champion as the version that was served when champions came'
        WHEN p.metric = N'served before' THEN N'the champion as the version that was served before another was stored'
        WHEN p.metric IN (N'rmse', N'mae')
            THEN CONCAT(N'the champion by ', p.metric, N' ', COALESCE(CAST(p.value AS NVARCHAR(30)), N'not known'),
                N', before ' + CAST(p.previous_value AS NVARCHAR(30)), IIF(p.forced = 1, N', by force', N''))
        ELSE CONCAT(N'the champion by ', p.metric, N' ', COALESCE(LTRIM(STR(p.value, 20, 4)), N'not known'),
            N', before ' + LTRIM(STR(p.previous_value, 20, 4)), IIF(p.forced = 1, N', by force', N'')) END AS reason,
    p.promoted_at AS champion_since,
    p.promoted_by,
    s.newest_version,
    s.versions,
    c.task,
    c.library,
    c.feature_set_id,
    c.pooling,
    (SELECT COUNT(*) FROM dbo.test_looks AS t WHERE t.classifier_id = s.classifier_id) AS test_looks,
    (SELECT COUNT(*) FROM dbo.test_looks AS t WHERE t.name = s.name) AS test_looks_of_name,
    o.scans AS held_out_scans,
    o.high AS held_out_outside
FROM dbo.served_models AS s
INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id
LEFT JOIN dbo.model_promotions AS p ON p.promotion_id = s.promotion_id
LEFT JOIN dbo.model_scope AS o ON o.classifier_id = s.classifier_id AND o.item = 'held_out'
LEFT JOIN dbo.settings AS g ON g.name = N'serve';
