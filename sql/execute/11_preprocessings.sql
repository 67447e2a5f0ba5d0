-- Preprocessings as steps, pictures made by them, and code of one's own on a data set. Load scans, labels and a network first.
EXECUTE dbo.StorePreprocessing @Name = N'soft_tissue', @Steps = N'[
    {"step": "blur", "sigma": 1, "unit": "pixels"},
    {"step": "window", "level": 40, "width": 400}]';
SELECT name, digest, feature_sets, kept_scans, steps FROM dbo.preprocessing_list ORDER BY created_at, name;

-- What it does to a scan, all slices in one picture.
DECLARE @ScanId INT = (SELECT MIN(scan_id) FROM dbo.scans);
EXECUTE dbo.PreviewPreprocessing @ScanId = @ScanId, @Preprocessing = N'soft_tissue', @Slices = 4, @AsSheet = 1;

-- A few scans as a data set; features of them, and pictures, which stay in the part of their patient.
EXECUTE dbo.CreateDataset @Name = N'few scans', @Query = N'SELECT TOP (4) scan_id FROM dbo.scans WHERE is_primary = 1 ORDER BY scan_id';
DECLARE @ModelName NVARCHAR(128) = COALESCE((SELECT value FROM dbo.settings WHERE name = N'default_network'), N'demo_resnet');
EXECUTE dbo.GenerateFeatures @ModelName = @ModelName, @Preprocessing = N'soft_tissue', @Dataset = N'few scans';
EXECUTE dbo.TransformImages @Dataset = N'few scans', @Preprocessing = N'soft_tissue', @Name = N'soft slices', @SlicesPerScan = 2;
SELECT TOP (4) l.image_name, l.source_scan_id, l.source_slice, l.preprocessing, o.part
FROM dbo.image_lineage AS l
INNER JOIN dbo.image_sources AS o ON o.name = l.image_name
ORDER BY l.image_name;

-- Something of one's own, learnt on the features: a line through two classes' means, and how far each scan lies along it. The label of a
-- patient in part test is not given. The result goes into a table that was made for it.
DROP TABLE IF EXISTS dbo.my_scores;
CREATE TABLE dbo.my_scores (scan_id INT NOT NULL PRIMARY KEY, score FLOAT NULL);
DECLARE @Features NVARCHAR(600) = (SELECT MIN(name) FROM dbo.pooled_sets WHERE preprocessing = N'soft_tissue' AND pooling = N'mean');
EXECUTE dbo.RunOnDataset @Dataset = N'few scans', @What = N'features', @Features = @Features, @Into = N'dbo.my_scores', @Script = N'
from lungdb.procedures import feature_matrix

x, label = feature_matrix(InputDataSet), InputDataSet["label"].to_numpy(dtype=float)
known = label == label
both = (label == 0).any() and (label == 1).any()
line = x[label == 1].mean(axis=0) - x[label == 0].mean(axis=0) if both else x[0] * 0
OutputDataSet = InputDataSet[["scan_id"]].assign(score=(x - x[known].mean(axis=0) if known.any() else x) @ line)
';
SELECT scan_id, score FROM dbo.my_scores ORDER BY scan_id;

-- A figure as a PNG file in a table: how many pixels of each scan have which Hounsfield units.
DROP TABLE IF EXISTS dbo.my_figures;
CREATE TABLE dbo.my_figures (name NVARCHAR(100) NOT NULL PRIMARY KEY, figure VARBINARY(MAX) NOT NULL);
EXECUTE dbo.RunOnDataset @Dataset = N'few scans', @What = N'scans', @Into = N'dbo.my_figures', @Script = N'
import cv2
import numpy as np
import pandas as pd

from lungdb.procedures import scan_volumes

figure = np.full((200, 300), 255, np.uint8)
for volume in scan_volumes(InputDataSet).values():
    counts = np.histogram(volume, bins=300, range=(-1024, 1000))[0]
    heights = 199 - np.round(190 * np.sqrt(counts / counts.max())).astype(int)
    cv2.polylines(figure, [np.stack([np.arange(300), heights], axis=1).astype(np.int32)], False, 0)
OutputDataSet = pd.DataFrame({"name": ["Hounsfield units"], "figure": [cv2.imencode(".png", figure)[1].tobytes()]})
';
SELECT name, DATALENGTH(figure) AS bytes FROM dbo.my_figures;
