-- A featurizer: a network that gives features of slices and pictures.
CREATE TABLE dbo.networks (
    network_id INT IDENTITY(1, 1) NOT NULL, -- number of the version of the network
    name NVARCHAR(128) NOT NULL,            -- name of the network, which its versions share
    version INT NOT NULL,                   -- 1, 2, 3, … within the name
    library NVARCHAR(32) NOT NULL,          -- what its file was before it became ONNX: onnx, safetensors, pytorch or cntk
    model VARBINARY(MAX) NOT NULL,          -- bytes of the ONNX file; empty where lungdb copy brought its features alone
    sha256 VARBINARY(32) NOT NULL,          -- SHA-256 of the bytes of model; where those are empty, of what they were
    details NVARCHAR(MAX) NOT NULL,         -- JSON: its input, normalisation and layers
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_networks_created_at DEFAULT SYSUTCDATETIME(), -- when it was stored, UTC
    CONSTRAINT PK_networks PRIMARY KEY (network_id),
    CONSTRAINT UQ_networks_name_version UNIQUE (name, version),
    CONSTRAINT CK_networks_details CHECK (ISJSON(details) = 1)
);
CREATE INDEX IX_networks_sha256 ON dbo.networks (sha256);
