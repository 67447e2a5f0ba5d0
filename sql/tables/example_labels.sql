-- The class of an example.
CREATE TABLE dbo.example_labels (
    dataset NVARCHAR(128) NOT NULL, -- data set of the example
    example_id INT NOT NULL,        -- number of the example in the data set
    label INT NOT NULL,             -- class, 0, 1, 2, …
    CONSTRAINT PK_example_labels PRIMARY KEY (dataset, example_id)
);
