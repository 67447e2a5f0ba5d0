-- How ScaleDataset scaled a feature of a data set of examples: (value - centre) / scale. dataset is the scaled one, method zscore (centre
-- the mean, scale the standard deviation of the population) or minmax (the least, and how far the largest is from it) over the examples
-- of made_from; scale is 1 of a feature that is the same in all of them. ScaleDataset applies them to other data with @As.
CREATE TABLE dbo.dataset_scalings (
    dataset NVARCHAR(128) NOT NULL,
    feature_index INT NOT NULL,
    method VARCHAR(6) NOT NULL,
    made_from NVARCHAR(128) NOT NULL,
    centre FLOAT NOT NULL,
    scale FLOAT NOT NULL,
    CONSTRAINT PK_dataset_scalings PRIMARY KEY (dataset, feature_index),
    CONSTRAINT CK_dataset_scalings_method CHECK (method IN ('zscore', 'minmax')),
    CONSTRAINT CK_dataset_scalings_scale CHECK (scale > 0)
);
