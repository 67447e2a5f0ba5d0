-- What a dense network of dbo.tensors gave for a class of an example, as ScoreNetworkSql with @Keep = 1 or EvaluateNetworkSql found it the
-- last time; a network that has learnt on since gives something else.
CREATE TABLE dbo.network_probabilities (
    network NVARCHAR(128) NOT NULL, -- name of the network, as dbo.dense_layers has it
    dataset NVARCHAR(128) NOT NULL, -- data set of the example
    example_id INT NOT NULL,        -- number of the example in the data set
    label INT NOT NULL,             -- class that the probability is of, from 0
    probability FLOAT NOT NULL,     -- probability of the class label, 0 to 1
    scored_at DATETIME2(3) NOT NULL CONSTRAINT DF_network_probabilities_scored_at DEFAULT SYSUTCDATETIME(), -- when it was computed, UTC
    CONSTRAINT PK_network_probabilities PRIMARY KEY (network, dataset, example_id, label)
);
