-- Every promotion, those that were rolled back too, with the versions' numbers.
CREATE OR ALTER VIEW dbo.promotion_history
AS
SELECT
    m.promotion_id,
    m.name,
    m.classifier_id,
    c.version,
    before.version AS previous_version,
    m.metric,
    m.value,
    m.previous_value,
    CAST(m.forced AS INT) AS forced,
    m.promoted_at,
    m.promoted_by,
    m.rolled_back_at,
    m.rolled_back_by
FROM dbo.model_promotions AS m
INNER JOIN dbo.classifiers AS c ON c.classifier_id = m.classifier_id
LEFT JOIN dbo.classifiers AS before ON before.classifier_id = m.previous_classifier_id;
