-- ShowExplained: returns the top features and the top triples of slices of the scores of #asked, without those of #failed.
-- Called by ShowExplanations and ReadExplanation, whose tables #asked and #failed it reads.
CREATE OR ALTER PROCEDURE internal.ShowExplained
    @TopFeatures INT,   -- features of a score
    @TopSlices INT      -- triples of slices of a score
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #triples (
        prediction_id INT NOT NULL, triple INT NOT NULL, scan_id INT NOT NULL, first_slice INT NOT NULL, share FLOAT NULL,
        shapley FLOAT NULL, standard_error FLOAT NULL, change_without FLOAT NULL, PRIMARY KEY (prediction_id, triple));
    SELECT f.prediction_id, f.rank, f.name, f.feature_value, f.contribution, f.standard_error, f.feature, f.member
    FROM (
        SELECT e.prediction_id, ROW_NUMBER() OVER (
                PARTITION BY e.prediction_id, e.member ORDER BY ABS(e.contribution) DESC, e.feature) AS rank,
            e.name, e.feature_value, e.contribution, e.standard_error, e.feature, e.member
        FROM dbo.explained_features AS e
        INNER JOIN #asked AS a ON a.prediction_id = e.prediction_id
        WHERE e.feature IS NOT NULL AND e.prediction_id NOT IN (SELECT prediction_id FROM #failed)) AS f
    WHERE f.rank <= @TopFeatures
    ORDER BY f.prediction_id, f.member, f.rank;
    -- What dbo.explained_slices shows, of these scores alone: the view gathers the triples of all scores before it is joined.
    INSERT INTO #triples (prediction_id, triple, scan_id, first_slice, share, shapley, standard_error, change_without)
    SELECT s.prediction_id, s.triple, MAX(a.scan_id), MAX(s.first_slice), MAX(CASE s.method WHEN 'share' THEN s.value END),
        MAX(CASE s.method WHEN 'shapley' THEN s.value END), MAX(CASE s.method WHEN 'shapley' THEN s.standard_error END),
        MAX(CASE s.method WHEN 'without' THEN s.value END)
    FROM #asked AS a
    INNER JOIN dbo.score_slices AS s ON s.prediction_id = a.prediction_id
    WHERE a.prediction_id NOT IN (SELECT prediction_id FROM #failed)
    GROUP BY s.prediction_id, s.triple;
    SELECT s.prediction_id, s.rank, s.first_slice, s.last_slice, f.position_z AS position_from, l.position_z AS position_to, s.share,
        s.shapley, s.standard_error, s.change_without, s.tied, s.triple
    FROM (
        SELECT t.prediction_id, t.scan_id, t.triple, t.first_slice, t.share, t.shapley, t.standard_error, t.change_without,
            IIF(t.first_slice + 2 < n.number_images, t.first_slice + 2, n.number_images - 1) AS last_slice,
            CASE WHEN t.change_without IS NOT NULL
                THEN COUNT(t.change_without) OVER (PARTITION BY t.prediction_id, t.change_without) END AS tied,
            ROW_NUMBER() OVER (
                PARTITION BY t.prediction_id ORDER BY ABS(COALESCE(t.share, t.shapley, t.change_without)) DESC, t.triple) AS rank
        FROM #triples AS t
        INNER JOIN dbo.scans AS n ON n.scan_id = t.scan_id) AS s
    LEFT JOIN dbo.scan_images AS f ON f.scan_id = s.scan_id AND f.slice_index = s.first_slice
    LEFT JOIN dbo.scan_images AS l ON l.scan_id = s.scan_id AND l.slice_index = s.last_slice
    WHERE s.rank <= @TopSlices
    ORDER BY s.prediction_id, s.rank;
END;
