-- Why the first patient got the newest score: what each feature and each triple of slices added.
DECLARE @PredictionId INT = (
    SELECT MAX(r.prediction_id)
    FROM dbo.predictions AS r
    INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    WHERE p.idx = 0);
EXECUTE dbo.ExplainScans @PredictionId = @PredictionId, @TopFeatures = 5, @TopSlices = 5;

-- The slices that raised a score most, of all scores that are explained.
SELECT TOP (10) e.patient_index, e.model_name, s.first_slice, s.last_slice, s.position_from, COALESCE(s.share, s.shapley) AS added,
    s.standard_error, s.change_without, s.tied
FROM dbo.explained_scores AS e
INNER JOIN dbo.explained_slices AS s ON s.prediction_id = e.prediction_id
ORDER BY COALESCE(s.share, s.shapley) DESC;

-- Where in the slices that count most, on a coarse grid, and the strongest of these maps as PNG.
EXECUTE dbo.ExplainRegions @PredictionId = @PredictionId, @TopSlices = 1, @Grid = 4;
EXECUTE dbo.RenderMap @PredictionId = @PredictionId;

-- All that is stored of it, as the page shows it: the score, its models, features, triples of slices and maps.
EXECUTE dbo.ReadExplanation @PredictionId = @PredictionId, @TopFeatures = 5, @TopSlices = 5;
