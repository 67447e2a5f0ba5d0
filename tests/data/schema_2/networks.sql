-- A featurizer: an ONNX file and, in details, its input, normalisation and layers.
CREATE TABLE dbo.networks (
    network_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    version INT NOT NULL,
    library NVARCHAR(32) NOT NULL,
    model VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    details NVARCHAR(MAX) NOT NULL,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_networks_created_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_networks PRIMARY KEY (network_id),
    CONSTRAINT UQ_networks_name_version UNIQUE (name, version),
    CONSTRAINT CK_networks_details CHECK (ISJSON(details) = 1)
);
CREATE INDEX IX_networks_sha256 ON dbo.networks (sha256);
