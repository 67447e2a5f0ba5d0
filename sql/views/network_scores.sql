-- What the T-SQL networks scored: of every example and class the probability, whether that class is the likeliest, and the true one.
-- is_current is 0 where the network has learnt on since.
CREATE OR ALTER VIEW dbo.network_scores
AS
SELECT
    p.network,
    p.dataset,
    p.example_id,
    p.label,
    p.probability,
    CASE WHEN ROW_NUMBER() OVER (PARTITION BY p.network, p.dataset, p.example_id ORDER BY p.probability DESC, p.label) = 1
        THEN 1 ELSE 0 END AS is_told,
    y.label AS true_label,
    p.scored_at,
    CASE WHEN t.trained_at > p.scored_at THEN 0 ELSE 1 END AS is_current
FROM dbo.network_probabilities AS p
LEFT JOIN dbo.example_labels AS y ON y.dataset = p.dataset AND y.example_id = p.example_id
LEFT JOIN (SELECT network, MAX(at) AS trained_at FROM dbo.training_log GROUP BY network) AS t ON t.network = p.network;
