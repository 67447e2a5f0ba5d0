-- Everything at once: a data set by a query, features of two poolings beside columns that are no pixels, a model, its figures on patients
-- that it has not learnt from, and their scores. 01 has made the features; GenerateFeatures @Dataset makes those of a data set alone.
EXECUTE dbo.CreateDataset @Name = N'inclusive', @Query = N'SELECT scan_id FROM dbo.scans WHERE number_images >= 3';

-- Of several networks, layers or preprocessings write which: network/layer/preprocessing/pooling. Columns may be NULL for LightGBM;
-- dbo.scan_columns has those there are, and @ColumnsFrom takes any view with a scan_id.
EXECUTE dbo.TrainLungCancerModel @ModelName = N'inclusive_sql', @Dataset = N'inclusive', @Features = N'mean; max',
    @Columns = N'age, sex, spacing_z, slices';
SELECT f.position, COALESCE(f.column_name, s.name) AS part, f.first_index, f.width
FROM dbo.feature_parts AS f
INNER JOIN dbo.classifiers AS c ON c.feature_set_id = f.feature_set_id
LEFT JOIN dbo.pooled_sets AS s ON s.feature_set_id = f.part_feature_set_id AND s.pooling = f.pooling
WHERE c.name = N'inclusive_sql'
ORDER BY c.version, f.position;

-- No patient of the splits' part test was learnt from, so the model is measured there, beside a model without a pixel.
EXECUTE dbo.CreateDataset @Name = N'inclusive, held out', @From = N'inclusive', @Part = N'test';
EXECUTE dbo.EvaluateModel @ModelName = N'inclusive_sql', @Dataset = N'inclusive, held out';
EXECUTE dbo.PredictPatients @ModelName = N'inclusive_sql', @Dataset = N'inclusive, held out';
EXECUTE dbo.ListDatasets;
