-- An iteration of TrainNetworkSql.
CREATE TABLE dbo.training_log (
    network NVARCHAR(128) NOT NULL, -- name of the network, as dbo.dense_layers has it
    iteration INT NOT NULL,         -- 1, 2, 3, … over all calls
    dataset NVARCHAR(128) NOT NULL, -- data set of the examples
    examples INT NOT NULL,          -- examples in the batch of this iteration
    learning_rate FLOAT NOT NULL,   -- size of the step that was taken
    loss FLOAT NOT NULL,            -- loss of the batch before the weights were changed, L2 included
    at DATETIME2(3) NOT NULL CONSTRAINT DF_training_log_at DEFAULT SYSUTCDATETIME(), -- when it was stored, UTC
    CONSTRAINT PK_training_log PRIMARY KEY (network, iteration)
);
