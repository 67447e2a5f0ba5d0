-- What is in the data, and what may be wrong with it: copies, outliers, missing values, columns that tell the label or the part.
-- 02 has trained lightgbm_sql and logistic_sql, 07 has made the data set.
EXECUTE dbo.InspectDataset;
EXECUTE dbo.InspectDataset @Dataset = N'inclusive', @Features = N'mean; max', @Columns = N'coverage', @Top = 5;

-- Which scans are alike, and which one stands for them.
EXECUTE dbo.ClusterDataset @Dataset = N'inclusive', @Features = N'mean', @Clusters = 3;

-- Which patients a model gets wrong, who represents them, and who beside them it gets right. This is a look at the test patients.
EXECUTE dbo.WrongRepresentatives @ModelName = N'lightgbm_sql', @Clusters = 1;

-- Why one model is better than another: whose errors, in which subgroups, in which space, by which features.
EXECUTE dbo.CompareModels @A = N'lightgbm_sql', @B = N'logistic_sql', @InDetail = 1, @Subgroups = N'sex';

-- What a model relies on, and the slices that light its most important feature most: rows and a contact sheet.
EXECUTE dbo.FeatureImportance @ModelName = N'lightgbm_sql', @Top = 10;
EXECUTE dbo.TopSlices @Feature = 0, @ModelName = N'lightgbm_sql', @Top = 9;

-- A picture that lights it more than any slice does; a few generations only, so that it is quick.
EXECUTE dbo.MaximiseImage @Feature = 0, @ModelName = N'lightgbm_sql', @Generations = 4, @Population = 8;

-- Where in the slices a layer answers: maps that GenerateFeatures keeps, as with @Layer = N'layer3', @KeepMaps = 1 of the demo network, and
-- what float16 has lost of them. One map is SELECT map_row, map_col, value FROM dbo.map_values WHERE scan_id = ... AND channel = ...
SELECT TOP (20) feature_set_id, scan_id, triple, channels, map_rows, map_cols, largest_error, largest_relative_error
FROM dbo.slice_maps
ORDER BY largest_relative_error DESC;

-- The query behind the features that only one uses: what the trees of a model split on, and how often.
SELECT n.feature_index, COUNT(*) AS splits
FROM dbo.model_nodes AS n
INNER JOIN dbo.served_models AS s ON s.classifier_id = n.classifier_id
WHERE s.name = N'lightgbm_sql' AND n.feature_index >= 0
GROUP BY n.feature_index
ORDER BY splits DESC;

-- Who is like a patient, and which slices of others are like the middle one of his scan.
EXECUTE dbo.SimilarPatients @PatientIndex = 0, @Limit = 3;
DECLARE @ScanId INT, @Middle INT;
SELECT @ScanId = s.scan_id, @Middle = s.number_images / 2
FROM dbo.scans AS s
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
WHERE p.idx = 0 AND s.is_primary = 1;
EXECUTE dbo.SimilarSlices @ScanId = @ScanId, @SliceIndex = @Middle, @Limit = 5;

-- What is like slices that are in no table: here those of a stored scan, which is found first. lungdb similar makes @Slices of DICOM files.
DECLARE @Slices NVARCHAR(MAX) = (
    SELECT CONCAT(N'[', STRING_AGG(CONCAT(CAST(N'{"image_rows": ' AS NVARCHAR(MAX)), s.image_rows, N', "image_cols": ', s.image_cols,
        N', "rescale_slope": ', CONVERT(NVARCHAR(40), i.rescale_slope, 3), N', "rescale_intercept": ',
        CONVERT(NVARCHAR(40), i.rescale_intercept, 3), N', "encoding": "' + i.encoding + N'"', N', "spacing_y": '
        + CONVERT(NVARCHAR(40), s.spacing_y, 3), N', "spacing_x": ' + CONVERT(NVARCHAR(40), s.spacing_x, 3), N', "pixels": "',
        CONVERT(VARCHAR(MAX), i.pixels, 2), N'", "pixels_sha256": "', CONVERT(VARCHAR(64), i.pixels_sha256, 2), N'"}'), N', ')
        WITHIN GROUP (ORDER BY i.slice_index), N']')
    FROM dbo.scan_images AS i
    INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id
    WHERE i.scan_id = @ScanId);
EXECUTE dbo.SimilarToSlices @Slices = @Slices, @Limit = 3;
EXECUTE dbo.SimilarToSlices @Slices = @Slices, @SliceIndex = 0, @Limit = 3;

-- Which reports are like a text. There are none yet: lungdb load-reports brings them, here a few words about two patients.
INSERT INTO dbo.reports (patient_id, kind, text, text_sha256)
SELECT p.patient_id, N'made up', t.text, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), t.text))
FROM (
    SELECT 0 AS idx, CAST(N'Spiculated nodule in the right upper lobe.' AS NVARCHAR(MAX)) AS text
    UNION ALL
    SELECT 1, N'No nodule. Small effusion on the left.') AS t
INNER JOIN dbo.patients AS p ON p.idx = t.idx
WHERE NOT EXISTS (SELECT 1 FROM dbo.reports AS r WHERE r.patient_id = p.patient_id AND r.text = t.text);
EXECUTE dbo.SimilarReports @Text = N'nodule of the upper lobe', @Top = 2;
