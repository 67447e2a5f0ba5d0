-- lungdb's own preprocessings, as steps: what GenerateFeatures makes with them is older than these rows, and the same bit for bit.
-- volume is of networks that read three dimensions.
INSERT INTO dbo.preprocessings (name, steps, digest)
SELECT d.name, d.steps, HASHBYTES('SHA2_256', d.steps)
FROM (
    VALUES
        (N'lung', CAST(N'{"normalise": true, "steps": [{"margin": [0.078125, 0.078125, 0.078125, 0.078125], "step": "crop", '
            + N'"unit": "fraction"}, {"high": 150.0, "low": -1350.0, "step": "clip", "unit": "HU"}, {"antialias": true, '
            + N'"interpolation": "area", "size": "network", "step": "resize", "unit": "pixels"}, {"from": [-1350.0, 150.0], '
            + N'"step": "scale", "to": [0.0, 1.0]}], "triples": "all"}' AS NVARCHAR(MAX))),
        (N'seed', N'{"normalise": false, "steps": [{"step": "seed"}], "triples": "seed"}'),
        (N'volume', N'{"dimensions": 3, "normalise": true, "steps": [{"orientation": "network", "step": "orient"}, {"antialias": true, '
            + N'"interpolation": "linear", "spacing": "network", "step": "resample", "unit": "mm"}, {"range": "network", "step": '
            + N'"window", "unit": "HU"}, {"fill": "air", "overlap": 0.25, "size": "network", "step": "tile", "weights": "gaussian"}]}')
) AS d (name, steps)
WHERE NOT EXISTS (SELECT 1 FROM dbo.preprocessings AS p WHERE p.name = d.name);
