-- A feature of an example of a data set; feature_index counts from 0 and every example has every feature.
CREATE TABLE dbo.examples (
    dataset NVARCHAR(128) NOT NULL,
    example_id INT NOT NULL,
    feature_index INT NOT NULL,
    value FLOAT NOT NULL,
    CONSTRAINT PK_examples PRIMARY KEY (dataset, example_id, feature_index)
);
