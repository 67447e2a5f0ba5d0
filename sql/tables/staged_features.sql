-- A row of a folder of features that lungdb load-features works on; dbo.StoreStagedFeatures stores it. No constraint holds it, because bulk
-- copies come here. Empty but for a load that goes on, or that was killed: the next one deletes the rows of that.
CREATE TABLE dbo.staged_features (
    load_id CHAR(32) NOT NULL,              -- the load, whose session holds the lock lungdb staged and this
    place INT NOT NULL,                     -- number of the row within what the load has brought at a time
    series_uid NVARCHAR(64) NOT NULL,       -- series of the scan, as dbo.scans has it
    content_sha256 VARBINARY(32) NOT NULL,  -- of the scan that the features were made of, as dbo.scans has it
    layer NVARCHAR(256) NOT NULL,           -- name of the layer, as dbo.feature_sets has it
    array_rows INT NOT NULL,                -- as dbo.features has it
    array_cols INT NOT NULL,                -- as dbo.features has it
    array VARBINARY(MAX) NOT NULL,          -- as dbo.features has it
    sha256 VARBINARY(32) NOT NULL,          -- SHA-256 of the bytes of array, as the folder tells it
    pooled NVARCHAR(MAX) NOT NULL           -- JSON object: pooling, vector as dbo.pooled_features has it
);
CREATE INDEX IX_staged_features_load ON dbo.staged_features (load_id, place);
