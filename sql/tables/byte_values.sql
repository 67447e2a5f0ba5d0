-- The numbers 0 to 255, which views count rows and columns of arrays with.
CREATE TABLE dbo.byte_values (
    number INT NOT NULL, -- each whole number from 0 to 255 once
    CONSTRAINT PK_byte_values PRIMARY KEY (number),
    CONSTRAINT CK_byte_values_number CHECK (number BETWEEN 0 AND 255)
);
