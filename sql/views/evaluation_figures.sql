-- The figures of every evaluation and its subgroups, of the model and of age, sex, spacing and scanner alone; no patient's score is among
-- them. A row without a metric says how many values of a column are not shown.
CREATE OR ALTER VIEW dbo.evaluation_figures
AS
SELECT
    g.evaluation_id,
    e.classifier_id,
    g.group_id,
    g.column_name,
    g.value,
    g.patients,
    g.scans,
    g.positives,
    g.values_hidden,
    m.source,
    m.metric,
    m.value AS figure,
    m.low,
    m.high
FROM dbo.evaluation_groups AS g
INNER JOIN dbo.evaluations AS e ON e.evaluation_id = g.evaluation_id
LEFT JOIN dbo.evaluation_metrics AS m ON m.evaluation_id = g.evaluation_id AND m.group_id = g.group_id;
