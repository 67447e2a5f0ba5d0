-- What a dense network of dbo.tensors gave for a class of an example, as ScoreNetworkSql with @Keep = 1 or EvaluateNetworkSql found it the
-- last time; a network that has learnt on since gives something else.
CREATE TABLE dbo.network_probabilities (
    network NVARCHAR(128) NOT NULL,
    dataset NVARCHAR(128) NOT NULL,
    example_id INT NOT NULL,
    label INT NOT NULL,
    probability FLOAT NOT NULL,
    scored_at DATETIME2(3) NOT NULL CONSTRAINT DF_network_probabilities_scored_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_network_probabilities PRIMARY KEY (network, dataset, example_id, label)
);
