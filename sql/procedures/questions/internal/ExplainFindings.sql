-- ExplainFindings: fills #meanings with what each finding is called, what its value measures, what it is about and what to do.
-- Called by InspectDataset, whose table #meanings it fills. about is scans, column, feature or set.
CREATE OR ALTER PROCEDURE internal.ExplainFindings
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Copy NVARCHAR(400) = N'Look at both scans. If they are of one person or one file, delete one or give both one patient.';
    DECLARE @Crossing NVARCHAR(400) = N'Figures of the test part are too good. Look at both scans, and leave one of them out.';
    DECLARE @Told NVARCHAR(400) =
        N'A model may learn this in place of the disease. Leave the column out of @Columns, and balance or match the data.';
    DECLARE @Weak NVARCHAR(400) = N'More than chance but too weak for an alarm. Keep it in mind.';
    DECLARE @Parted NVARCHAR(400) =
        N'The parts differ in this, so that test figures are of other scans. Draw the parts again, or say so beside figures.';
    DECLARE @Missing NVARCHAR(400) = N'Find out why. Fill it in, or leave these scans out by CreateDataset.';
    DECLARE @Few NVARCHAR(400) = N'Too few for this check. Inspect more patients.';
    INSERT INTO #meanings (code, finding, about, measure, what_to_do)
    VALUES
        (N'no scans', N'nothing to inspect', N'set', NULL, N'Load scans, or give another data set.'),
        (N'changed members', N'members were replaced or removed', N'set', N'scans', N'Call CreateDataset again.'),
        (N'patient in two sets', N'patient in both data sets', N'scans', N'scans', N'Choose the sets by patient, as @Part does.'),
        (N'patient in two parts', N'test patient whom models have learnt from', N'scans', N'models',
            N'dbo.splits was changed after training. Train these models again, or put the patient back.'),
        (N'same pixels across parts', N'same pixels in two parts', N'scans', N'share of slices', @Crossing),
        (N'same pixels', N'same pixels of two patients', N'scans', N'share of slices', @Copy),
        (N'same slices across parts', N'same slices in two parts', N'scans', N'share of slices', @Crossing),
        (N'same slices', N'same slices of two patients', N'scans', N'share of slices', @Copy),
        (N'near duplicate across parts', N'near-duplicates in two parts', N'scans', N'distance as share of that to the 5th', @Crossing),
        (N'near duplicate', N'near-duplicates of two patients', N'scans', N'distance as share of that to the 5th', @Copy),
        (N'area tells label', N'column tells the label', N'column', N'AUC', @Told),
        (N'rank tells label', N'column tells the label', N'column', N'Spearman''s correlation', @Told),
        (N'v tells label', N'column tells the label', N'column', N'Cramér''s V', @Told),
        (N'missing tells label', N'missing values tell the label', N'column', N'Cramér''s V', @Told),
        (N'area tells part', N'column tells the part', N'column', N'AUC', @Parted),
        (N'v tells part', N'column tells the part', N'column', N'Cramér''s V', @Parted),
        (N'missing tells part', N'missing values tell the part', N'column', N'Cramér''s V', @Parted),
        (N'outlier', N'outlier', N'scans', N'modified z score of the robust distance',
            N'Look at the scan: wrong body part, metal, damage, another protocol?'),
        (N'no label', N'scans without a label', N'set', N'share', @Missing),
        (N'no features', N'scans without features', N'set', N'share',
            N'Call GenerateFeatures for them, or name other features with @Features.'),
        (N'missing', N'missing values', N'column', N'share', @Missing),
        (N'missing in features', N'missing values in features', N'feature', N'share', @Missing),
        (N'coarse features', N'features too coarse to tell scans apart', N'set', N'share equal to another',
            N'Near-duplicates were not looked for. Inspect features of pixels.'),
        (N'duplicates not looked for', N'near-duplicates not looked for', N'set', N'patients', @Few),
        (N'outliers not looked for', N'outliers not looked for', N'set', N'scans', @Few),
        (N'label not compared', N'columns not compared with the label', N'set', N'patients of the second largest class',
            N'Ten training patients of two classes are needed, or on either side of the median of a number; those held out do not count.'),
        (N'part not compared', N'columns not compared with the part', N'set', N'patients of the smaller part',
            N'Ten patients of either part are needed.'),
        (N'feature', N'feature', N'feature', N'AUC', @Weak),
        (N'ranked feature', N'feature', N'feature', N'Spearman''s correlation', @Weak);
    UPDATE #meanings SET if_weak = @Weak WHERE code LIKE N'% tells %';
END;
