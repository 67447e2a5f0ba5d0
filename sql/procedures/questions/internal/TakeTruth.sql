-- TakeTruth: fills in the part of each scan in #inspected, which data set it is of or that of dbo.splits, and its label; of patients held
-- out for testing it notes that there is one and not which, so that whoever inspects data does not learn from them.
-- Called by InspectDataset, whose table #inspected it fills.
CREATE OR ALTER PROCEDURE internal.TakeTruth
    @Task NVARCHAR(32), -- classification: labels are classes; regression: numbers
    @Horizon INT,       -- days of the labels, or NULL for those of patients
    @IsAgainst BIT      -- 1 where parts are two data sets
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    EXECUTE dbo.AssignSplits;
    UPDATE i
    SET i.is_labelled = IIF(COALESCE(h.label, l.label, n.value) IS NULL, 0, 1),
        i.label = CASE sp.part WHEN 'train' THEN COALESCE(h.label, l.label, n.value) END,
        i.held_out = IIF(sp.part = 'test', 1, 0),
        i.part = CASE WHEN @IsAgainst = 0 THEN IIF(sp.part = 'test', 1, 0)
            WHEN i.in_set = 1 AND i.in_other = 1 THEN -1 ELSE i.in_other END
    FROM #inspected AS i
    INNER JOIN dbo.splits AS sp ON sp.patient_id = i.patient_id
    LEFT JOIN dbo.labels AS l ON l.patient_id = i.patient_id AND @Task = N'classification' AND @Horizon IS NULL
    LEFT JOIN dbo.numeric_labels AS n ON n.patient_id = i.patient_id AND @Task = N'regression'
    LEFT JOIN dbo.scan_labels AS h ON h.scan_id = i.scan_id AND h.horizon_days = @Horizon;
END;
