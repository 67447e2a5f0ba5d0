-- How ScaleDataset scaled a feature of a data set of examples: (value - centre) / scale. ScaleDataset applies it to other data with @As.
CREATE TABLE dbo.dataset_scalings (
    dataset NVARCHAR(128) NOT NULL,   -- the scaled data set
    feature_index INT NOT NULL,       -- feature in dbo.examples, from 0
    method VARCHAR(6) NOT NULL,       -- zscore or minmax
    made_from NVARCHAR(128) NOT NULL, -- data set whose examples gave centre and scale
    centre FLOAT NOT NULL,            -- mean with zscore, least value with minmax
    scale FLOAT NOT NULL,             -- population's standard deviation with zscore, largest less least with minmax; 1 of a feature that is
                                      -- the same in all examples
    CONSTRAINT PK_dataset_scalings PRIMARY KEY (dataset, feature_index),
    CONSTRAINT CK_dataset_scalings_method CHECK (method IN ('zscore', 'minmax')),
    CONSTRAINT CK_dataset_scalings_scale CHECK (scale > 0)
);
