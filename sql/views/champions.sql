-- The version that a model's name stands for: the newest promotion of the name that was not rolled back.
CREATE OR ALTER VIEW dbo.champions
AS
SELECT p.name, p.classifier_id, p.promotion_id
FROM dbo.model_promotions AS p
WHERE p.rolled_back_at IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM dbo.model_promotions AS later
        WHERE later.name = p.name AND later.rolled_back_at IS NULL AND later.promotion_id > p.promotion_id);
