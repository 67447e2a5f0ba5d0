-- An iteration of TrainNetworkSql: the loss of its batch before the weights were changed, L2 included.
CREATE TABLE dbo.training_log (
    network NVARCHAR(128) NOT NULL,
    iteration INT NOT NULL,
    dataset NVARCHAR(128) NOT NULL,
    examples INT NOT NULL,
    learning_rate FLOAT NOT NULL,
    loss FLOAT NOT NULL,
    at DATETIME2(3) NOT NULL CONSTRAINT DF_training_log_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_training_log PRIMARY KEY (network, iteration)
);
