-- A feature of an example of a data set; every example has every feature.
CREATE TABLE dbo.examples (
    dataset NVARCHAR(128) NOT NULL, -- name of the data set, as dbo.datasets has it with kind examples
    example_id INT NOT NULL,        -- number of the example in the data set
    feature_index INT NOT NULL,     -- feature, from 0
    value FLOAT NOT NULL,           -- the number that the networks read
    CONSTRAINT PK_examples PRIMARY KEY (dataset, example_id, feature_index)
);
