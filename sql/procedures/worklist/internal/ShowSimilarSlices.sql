-- ShowSimilarSlices: returns the triples of #similar_rows with their patients.
-- Called by SimilarSlices and SimilarToSlices.
CREATE OR ALTER PROCEDURE internal.ShowSimilarSlices
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SELECT p.idx AS patient_index, p.display_name, s.study_date, s.scan_id, r.row_index AS triple, 3 * r.row_index AS first_slice,
        r.similarity
    FROM #similar_rows AS r
    INNER JOIN dbo.scans AS s ON s.scan_id = r.place
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    ORDER BY r.similarity DESC, r.place, r.row_index;
END;
